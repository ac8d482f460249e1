// The budget of a running engine, up and down while requests come.
//
//   LAYERD_BUDGET_CHANGES=1000 bazel run //test/sim:budget_change_test
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "test/catch/catch.h"
#include "test/sim/test_engine.h"

namespace layerd {
namespace {

constexpr int kChangesDefault = 16;
constexpr uint64_t kMiB = 1 << 20;

int Changes() {
  const char* const given = std::getenv("LAYERD_BUDGET_CHANGES");
  return given == nullptr ? kChangesDefault : std::atoi(given);
}

uint64_t ResidentBytes() {
  std::ifstream file("/proc/self/status");
  for (std::string word; file >> word;) {
    uint64_t kib = 0;
    if (word == "VmRSS:" && file >> kib) return kib << 10;
  }
  return 0;
}

void AwaitHeads(TestEngine& engine, uint64_t bytes) {
  while (engine->loading().read_bytes < bytes) std::this_thread::yield();
}

TEST_CASE("A budget that changes under load fails no request") {
  const std::vector<std::string> names = {"a", "b", "c"};
  TestEngine resident({}, Drive::kPread);
  for (uint32_t m = 0; m < names.size(); ++m) {
    const std::string path = WriteModel(names[m] + ".layers", 20 + m, 200);
    REQUIRE(resident.Load(path, names[m], static_cast<int>(1 + m)).ok());
  }
  TestEngine engine({}, Drive::kAuto);
  std::vector<std::vector<std::vector<std::byte>>> expected;
  for (uint32_t m = 0; m < names.size(); ++m) {
    const std::string path = WriteModel(names[m] + ".layers", 20 + m, 200);
    REQUIRE(engine.Load(path, names[m], static_cast<int>(1 + m)).ok());
    expected.push_back(resident.Ask(names[m], 1).outputs);
  }
  const uint64_t least = engine.MinimumWeightBytes();

  std::atomic<bool> over{false};
  std::atomic<int> right{0}, wrong{0};
  std::vector<std::thread> clients;
  for (size_t m = 0; m < names.size(); ++m) {
    clients.emplace_back([&, m] {
      while (!over.load()) {
        const TestAnswer answer = engine.Ask(names[m], 1);
        const bool well = answer.status.ok() && answer.outputs == expected[m];
        (well ? right : wrong) += 1;
      }
    });
  }
  uint64_t all_bytes = 0, least_bytes = 0;
  const int changes = Changes();
  for (int change = 0; change < changes; ++change) {
    const bool shrink = change % 2 == 0;
    const absl::Status status =
        engine->SetBudgets({.weight_bytes = shrink ? least : kAll});
    REQUIRE(status.message() == "");
    const Engine::MemoryStats memory = engine->memory();
    if (shrink) CHECK(memory.ring_bytes + memory.head_bytes <= least);
    if (!shrink) CHECK(memory.ring_bytes == 0);
    (shrink ? least_bytes : all_bytes) = ResidentBytes();
    // Some requests between two changes.
    const int before = right.load() + wrong.load();
    while (right.load() + wrong.load() < before + 3) std::this_thread::yield();
  }
  over.store(true);
  for (std::thread& client : clients) client.join();

  WARN(changes << " changes, " << right.load() << " right answers, "
               << wrong.load() << " others; resident with all "
               << all_bytes / kMiB << " MiB, with the least "
               << least_bytes / kMiB << " MiB");
  CHECK(wrong.load() == 0);
  CHECK(right.load() > 0);
}

TEST_CASE("Memory that a smaller budget frees goes back to the system") {
  TestEngine engine({}, Drive::kAuto);
  const std::string path = WriteModel("large.layers", 31, 2000);
  REQUIRE(engine.Load(path, "m", 3).ok());
  REQUIRE(engine.Ask("m", 1).status.ok());
  const uint64_t weights = engine->memory().weight_bytes;
  REQUIRE(weights > 4 * kMiB);
  const uint64_t before = ResidentBytes();

  REQUIRE(
      engine->SetBudgets({.weight_bytes = engine.MinimumWeightBytes()}).ok());
  const uint64_t after = ResidentBytes();

  CHECK(before - after >= weights / 4 * 3);
}

TEST_CASE("A budget too small is refused with the least, and nothing changes") {
  TestEngine engine({.weight_budget_bytes = 4 * kMiB}, Drive::kAuto);
  REQUIRE(engine.Load(WriteModel("refused.layers", 32), "m", 3).ok());
  const TestAnswer expected = engine.Ask("m", 1);
  const uint64_t least = engine.MinimumWeightBytes();

  const absl::Status refused = engine->SetBudgets({.weight_bytes = least - 1});

  REQUIRE(absl::IsResourceExhausted(refused));
  CHECK(MinimumBudgetBytes(refused) == least);
  CHECK(engine->memory().weight_budget_bytes == 4 * kMiB);
  CHECK(engine.Ask("m", 1).outputs == expected.outputs);
}

TEST_CASE("What is resident is not read again when memory is planned anew") {
  const std::string a = WriteModel("kept_a.layers", 33, 300);
  const std::string b = WriteModel("kept_b.layers", 34, 300);
  TestEngine engine({}, Drive::kAuto);
  REQUIRE(engine.Load(a, "a", 3).ok());
  const TestAnswer expected = engine.Ask("a", 1);
  const uint64_t a_bytes = engine->loading().read_bytes;

  REQUIRE(engine.Load(b, "b", 2).ok());
  CHECK(engine.Ask("a", 1).stats.read_bytes == 0);
  CHECK(engine.Ask("a", 1).outputs == expected.outputs);
  CHECK(engine.Ask("b", 1).status.ok());
  REQUIRE(engine->UnloadModel("b", "1").ok());
  CHECK(engine.Ask("a", 1).stats.read_bytes == 0);

  // Half of it stays, the rest comes back.
  const uint64_t half = std::max(a_bytes / 2, engine.MinimumWeightBytes());
  REQUIRE(engine->SetBudgets({.weight_bytes = half}).ok());
  CHECK(engine.Ask("a", 1).outputs == expected.outputs);
  const uint64_t head = engine->memory().head_bytes;
  REQUIRE(engine->SetBudgets({}).ok());
  const TestAnswer again = engine.Ask("a", 1);
  CHECK(again.outputs == expected.outputs);
  CHECK(again.stats.read_bytes <= a_bytes - head);
  AwaitHeads(engine, a_bytes);
}

}  // namespace
}  // namespace layerd
