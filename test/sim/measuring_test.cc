// Costs that are measured while something else changes.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "kernels/reference/reference_backend.h"
#include "loader/loader.h"
#include "test/catch/catch.h"
#include "test/sim/test_engine.h"

namespace layerd {
namespace {

constexpr size_t kRuns = 5;  // Of a model that is measured.
// Of some MiB: after the runs such a file is read to learn of the drive, and
// before that somebody is asked whether to go on.
constexpr size_t kLayers = 250;

void Await(const std::atomic<bool>& told) {
  while (!told.load()) std::this_thread::yield();
}

// Planning is over and the new memory is on its way when the costs are there.
TEST_CASE("Costs that are measured while a budget changes are kept") {
  const std::string path = WriteModel("measured_meanwhile.layers", 3, kLayers);
  std::atomic<bool> changing{false}, computed{false}, may_learn{false};
  TestEngine* asked = nullptr;
  const auto measured = [&asked]() -> bool {
    return (*asked)->Plan().measured.at(0);
  };
  TestEngine engine(
      WithEmptyCache("measured_meanwhile"),
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
  CHECK(!measured());
  changing.store(true);
  CHECK(engine
            ->SetBudgets({.weight_bytes = engine.MinimumWeightBytes(),
                          .memory_bytes = kAll})
            .ok());

  CHECK(measured());
  measuring.join();
}

// A model that streams and was measured, and is due again. On a clock that
// stands still.
class MeasuredAgain {
 public:
  // `period` 0: it is not declared.
  MeasuredAgain(const std::string& name, std::chrono::milliseconds period)
      : engine_(WithEmptyCache(name), Drive::kSim) {
    const std::string path = WriteModel(name + ".layers", 3);
    REQUIRE(engine_->LoadModels({{path, "m", "1", 1, 0, period, period}})
                .at(0)
                .ok());
    REQUIRE(engine_
                ->SetBudgets({.weight_bytes = engine_.MinimumWeightBytes(),
                              .memory_bytes = kAll})
                .ok());
    engine_->MeasureCosts([] { return true; });
    REQUIRE(engine_->MeasureAgain("m").ok());
  }

  TestEngine& engine() { return engine_; }
  std::shared_ptr<Model> model() { return engine_->Find("m", ""); }
  Promises::OfModel promise() { return engine_->PromiseOf(model().get()); }

 private:
  TestEngine engine_;
};

// Each run comes too early to be one of the task's own jobs.
TEST_CASE("Measuring again takes no turn of a declared task") {
  MeasuredAgain declared("declared", std::chrono::milliseconds(100));
  TestEngine& engine = declared.engine();
  REQUIRE(declared.promise().response.count() > 0);
  int looks = 0;
  constexpr int kLooksMax = 100;

  engine->MeasureCosts([&looks] { return ++looks < kLooksMax; });

  CHECK(looks < kLooksMax);
  CHECK(engine.Ask("m", 1).status.message() == "");
  CHECK(engine->scheduling().too_often == 0);
  CHECK(engine->scheduling().overruns == 0);
}

// More would be on its way when a job comes that it gives way to.
TEST_CASE("Whoever measures has few bytes in flight, at whatever level") {
  const uint64_t low_bytes = LoaderOptions{}.inflight_low_bytes;
  SimIoEngine* drive = nullptr;
  EngineOptions options = WithEmptyCache("few_bytes");
  options.read_ahead = false;
  TestEngine engine(
      options,
      [&drive]() -> absl::StatusOr<IoEngineChoice> {
        auto opened = std::make_unique<SimIoEngine>(1);
        drive = opened.get();
        return IoEngineChoice{.engine = std::move(opened), .warnings = {}};
      },
      MakeReferenceBackend());
  REQUIRE(engine.Load(WriteModel("few_bytes.layers", 3, kLayers), "m", 1).ok());
  REQUIRE(engine->Plan().plan.weight_bytes > 2 * low_bytes);
  uint64_t most = 0;
  engine.OnPart([&](size_t) { most = drive->bytes_in_flight_max(); });

  engine->MeasureCosts([] { return true; });

  CHECK(engine->Plan().measured.at(0));
  CHECK(most > 0);
  CHECK(most <= low_bytes);
}

// That was there before, and waits for the drive.
TEST_CASE("Nobody looks at the drive while a job is on") {
  SimIoEngine* drive = nullptr;
  bool holds = false;
  TestEngine engine(
      WithEmptyCache("beside"),
      [&]() -> absl::StatusOr<IoEngineChoice> {
        auto opened = std::make_unique<SimIoEngine>(1);
        drive = opened.get();
        if (holds) drive->Hold();
        return IoEngineChoice{.engine = std::move(opened), .warnings = {}};
      },
      MakeReferenceBackend());
  const std::string path = WriteModel("beside.layers", 3, kLayers);
  REQUIRE(engine.Load(path, "m", 3).ok());
  REQUIRE(engine.Ask("m", 1).status.ok());  // Now it waits for no drive.
  holds = true;
  REQUIRE(engine.Load(path, "waits", 1).ok());
  std::vector<std::string> order;
  REQUIRE(engine.Submit("waits", &order).ok());
  while (drive->in_flight() == 0) std::this_thread::yield();
  const std::thread::id us = std::this_thread::get_id();
  int calls = 0;
  std::atomic<bool> looked{false};

  // A look has a thread of its own.
  engine->MeasureCosts([&] {
    if (std::this_thread::get_id() != us) looked.store(true);
    return ++calls < 20 && !looked.load();
  });

  CHECK_FALSE(looked.load());
  CHECK(order.empty());
  holds = false;
  drive->LetGo();
  engine->Drain(Instant::max());
  CHECK(order == std::vector<std::string>{"waits"});
}

TEST_CASE("Whoever measures is no work ahead of a request") {
  MeasuredAgain measured("ahead", std::chrono::milliseconds(0));
  TestEngine& engine = measured.engine();
  const std::chrono::nanoseconds predicted = measured.promise().predicted;
  REQUIRE(predicted.count() > 0);
  absl::Status admitted = absl::UnknownError("nothing was measured");
  engine.OnPart([&](size_t part) {
    if (part > 0) return;
    Job job;
    job.model = measured.model();
    job.level = 1;
    job.deadline = engine.clock().now() + predicted * 3 / 2;
    admitted = engine->Admit(job);
  });

  engine->MeasureCosts([] { return true; });

  CHECK(admitted.message() == "");
}

}  // namespace
}  // namespace layerd
