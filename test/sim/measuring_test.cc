// Costs that are measured while something else changes.
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include "kernels/reference/reference_backend.h"
#include "test/catch/catch.h"
#include "test/sim/test_engine.h"

namespace layerd {
namespace {

constexpr size_t kRuns = 5;  // Of a model that is measured.

void Await(const std::atomic<bool>& told) {
  while (!told.load()) std::this_thread::yield();
}

// Planning is over and the new memory is on its way when the costs are there.
TEST_CASE("Costs that are measured while a budget changes are kept") {
  const std::string cache =
      std::string(std::getenv("TEST_TMPDIR")) + "/measured_meanwhile";
  std::filesystem::remove_all(cache);
  EngineOptions options;
  options.cache_path = cache;
  const std::string path = WriteModel("measured_meanwhile.layers", 3);
  std::atomic<bool> changing{false}, computed{false}, may_learn{false};
  TestEngine* asked = nullptr;
  const auto measured = [&asked]() -> bool {
    return (*asked)->Plan().measured.at(0);
  };
  TestEngine engine(
      options,
      [&]() -> absl::StatusOr<IoEngineChoice> {
        if (changing.exchange(false)) {
          may_learn.store(true);
          while (!measured()) std::this_thread::yield();
        }
        return IoEngineChoice{.engine = std::make_unique<SimIoEngine>(1),
                              .warnings = {}};
      },
      MakeReferenceBackend());
  asked = &engine;
  REQUIRE(engine.Load(path, "m", 3).ok());
  REQUIRE(!measured());
  const size_t parts = engine->models().at(0)->program().parts.size();
  engine.OnPart([](size_t) {});

  // Waits where all has been computed, and ends with what it has learned.
  std::thread measuring([&] {
    engine->MeasureCosts([&] {
      if (engine.parts_run() < kRuns * parts) return true;
      computed.store(true);
      Await(may_learn);
      return !measured();
    });
  });
  Await(computed);
  changing.store(true);
  CHECK(engine
            ->SetBudgets({.weight_bytes = engine.MinimumWeightBytes(),
                          .memory_bytes = kAll})
            .ok());

  CHECK(measured());
  measuring.join();
}

}  // namespace
}  // namespace layerd
