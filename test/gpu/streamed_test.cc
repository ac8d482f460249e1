// Streamed is resident, bit for bit, on the twin: under any schedule of streams
// and drive, with all memory strategies, whatever happens meanwhile; and the
// watcher has no complaint.
//
// LAYERD_TWIN_SEEDS: how many schedules; 10000 is the long run.

#include <cstdlib>
#include <string>
#include <vector>

#include "test/catch/catch.h"
#include "test/gpu/twin/twin.h"
#include "test/gpu/twin_run.h"
#include "test/sim/test_engine.h"

namespace layerd {
namespace {

uint32_t Seeds(uint32_t by_default) {
  const char* named = std::getenv("LAYERD_TWIN_SEEDS");
  return named == nullptr ? by_default
                          : static_cast<uint32_t>(std::atoi(named));
}

TEST_CASE("Random networks stream as they are resident, in any schedule") {
  std::vector<TwinNetwork> networks;
  for (uint32_t seed = 0; seed < 10; ++seed) {
    networks.push_back(TwinNetwork::Random(seed));
    INFO("network " << seed);
    CHECK(networks.back().DistanceFromReference() == "");
  }
  for (uint32_t seed = 0; seed < Seeds(300); ++seed) {
    const TwinRun run{.network = &networks[seed % networks.size()],
                      .seed = seed,
                      .memory = kStrategies[seed / 10 % 3],
                      .half = seed / 20 % 4 == 3,
                      .story = static_cast<Story>(seed % kStories),
                      .hook = nullptr,
                      .backend = nullptr};
    INFO("seed " << seed << " of network " << seed % networks.size());
    REQUIRE(Complaint(run) == "");
  }
}

TEST_CASE("The device gives what was planned, to the byte, at each budget") {
  for (uint32_t seed = 0; seed < 10; ++seed) {
    const TwinNetwork network = TwinNetwork::Random(seed);
    const uint64_t least = network.minimum_weight_bytes(false);
    for (const CudaMemory memory : kStrategies) {
      for (const uint64_t budget :
           {least, least + least / 3, MemoryBudgets().weight_bytes}) {
        twin::Reset({.library_seed = network.library_seed()});
        auto backend = MakeCudaBackend({.memory = memory});
        REQUIRE(backend.ok());
        const uint64_t before = twin::counters().device_bytes;
        TestEngine engine({.weight_budget_bytes = budget}, Drive::kPread,
                          *std::move(backend));
        REQUIRE(engine.Load(network.path(false), "m", 3).ok());
        const Engine::MemoryStats planned = engine->memory();
        const uint64_t taken = twin::counters().device_bytes - before;
        INFO("network " << seed << ", budget " << budget);
        CHECK(planned.weight_memory_bytes() <= budget);
        CHECK(taken ==
              (memory == CudaMemory::kMapped
                   ? 0
                   : planned.weight_memory_bytes() + planned.arena_bytes));
      }
    }
  }
}

TEST_CASE("Rows of tables come to the device, in any schedule") {
  const TwinNetwork embedding = TwinNetwork::Embedding();
  CHECK(embedding.looks_up());
  CHECK(embedding.DistanceFromReference() == "");
  for (uint32_t seed = 0; seed < Seeds(60); ++seed) {
    INFO("seed " << seed);
    REQUIRE(Complaint({.network = &embedding,
                       .seed = seed,
                       .memory = kStrategies[seed / 5 % 3],
                       .half = seed / 10 % 4 == 3,
                       .story = static_cast<Story>(seed % kStories),
                       .hook = nullptr,
                       .backend = nullptr}) == "");
  }
}

TEST_CASE("The digits stream as they are resident, in any schedule") {
  const TwinNetwork digits = TwinNetwork::Digits();
  CHECK(digits.DistanceFromReference() == "");
  for (uint32_t seed = 0; seed < Seeds(60); ++seed) {
    const TwinRun run{.network = &digits,
                      .seed = seed,
                      .memory = kStrategies[seed / 5 % 3],
                      .half = seed / 10 % 4 == 3,
                      .story = static_cast<Story>(seed % kStories),
                      .hook = nullptr,
                      .backend = nullptr};
    INFO("seed " << seed);
    REQUIRE(Complaint(run) == "");
  }
}

}  // namespace
}  // namespace layerd
