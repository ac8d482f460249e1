// Which requests of a declared task come in.
#include <chrono>
#include <cstddef>
#include <fstream>
#include <future>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "daemon/plan/machine.h"
#include "daemon/rt/processor_name.h"
#include "kernels/reference/reference_backend.h"
#include "test/catch/catch.h"
#include "test/sim/forwarding_backend.h"
#include "test/sim/test_engine.h"

namespace layerd {
namespace {

using std::chrono::milliseconds;

// One that was measured, so that it has a promise; requests may lower it. On a
// clock that stands still.
class Declared {
 public:
  explicit Declared(const std::string& name,
                    std::unique_ptr<Backend> backend = MakeReferenceBackend(),
                    size_t queue_jobs_max = 64)
      : options_(WithQueue(WithEmptyCache(name), queue_jobs_max)),
        engine_(options_, Drive::kSim, std::move(backend)) {
    const std::string path = WriteModel(name + ".layers", 3);
    REQUIRE(engine_->LoadModels({{path, "m", "1", 1, 2, kPeriod, kPeriod}})[0]
                .ok());
    engine_->MeasureCosts([] { return true; });
    SetWeightBudget(FewBytes());
    REQUIRE(promise().response.count() > 0);
    REQUIRE(promise().predicted.count() > 0);
  }

  TestEngine& engine() { return engine_; }
  Promises::OfModel promise() {
    return engine_->PromiseOf(engine_->Find("m", "").get());
  }
  void SetWeightBudget(uint64_t bytes) {
    REQUIRE(engine_->SetBudgets({.weight_bytes = bytes, .memory_bytes = kAll})
                .ok());
  }

  std::string Certificate() const {
    std::ifstream file(options_.cache_path + "/certificate.json");
    return {std::istreambuf_iterator<char>(file), {}};
  }

  // At both levels it streams.
  uint64_t FewBytes() const { return 2 * engine_.MinimumWeightBytes(); }

  static constexpr milliseconds kPeriod{100};

 private:
  static EngineOptions WithQueue(EngineOptions options, size_t jobs_max) {
    options.queue_jobs_max = jobs_max;
    return options;
  }

  const EngineOptions options_;
  TestEngine engine_;
};

TEST_CASE("A declared task has no other turn because memory changes") {
  Declared declared("turns");
  TestEngine& engine = declared.engine();
  CHECK(engine.Ask("m", 1).status.message() == "");
  declared.SetWeightBudget(declared.FewBytes() + 4096);
  REQUIRE(declared.promise().response.count() > 0);
  CHECK(absl::IsResourceExhausted(engine.Ask("m", 1).status));
  engine.clock().Advance(Declared::kPeriod);
  CHECK(engine.Ask("m", 1).status.message() == "");
}

// One is on, one waits, and there is no place for a third.
TEST_CASE("A job that finds the queue full leaves its turn to another") {
  Declared declared("full", MakeReferenceBackend(), /*queue_jobs_max=*/1);
  TestEngine& engine = declared.engine();
  std::promise<void> started, go_on;
  engine.OnPart([&](size_t part) {
    if (part > 0) return;
    started.set_value();
    go_on.get_future().wait();
  });
  std::vector<std::string> order;
  REQUIRE(engine.Submit("m", &order).message() == "");
  started.get_future().wait();
  engine.clock().Advance(Declared::kPeriod);
  REQUIRE(engine.Submit("m", &order).message() == "");
  engine.clock().Advance(Declared::kPeriod);
  const absl::Status full = engine.Submit("m", &order);
  CHECK_THAT(std::string(full.message()), Catch::Contains("queue_jobs"));
  go_on.set_value();
  while (engine->scheduling().too_often == 0) {
    const absl::Status status = engine.Ask("m", 1).status;
    if (status.ok()) break;
    CHECK_THAT(std::string(status.message()), Catch::Contains("queue_jobs"));
  }
  CHECK(engine->scheduling().too_often == 0);
}

// Its promise is about its own level.
TEST_CASE("A request that is lowered and cannot be in time is refused") {
  Declared declared("lowered");
  TestEngine& engine = declared.engine();
  const auto lower = [&](Job& job) {
    job.level = 2;
    job.deadline = engine.clock().now() + declared.promise().predicted / 2;
  };
  Job job;
  job.model = engine->Find("m", "");
  lower(job);
  CHECK(absl::IsResourceExhausted(engine->Admit(job)));
  const absl::Status refused = engine.Ask("m", 1, lower).status;
  CHECK(absl::IsResourceExhausted(refused));
  CHECK_THAT(std::string(refused.message()),
             Catch::Contains("it would be answered in"));
  CHECK(engine->scheduling().deadline_misses == 0);
}

// The drive is one that a machine file might have.
TEST_CASE("A job that takes for ever is predicted to take long") {
  Machine machine = Machine::OfClass("", 1);
  machine.processor = ProcessorName();
  machine.drive_bytes_per_s = 1e-6;
  EngineOptions options = WithEmptyCache("for_ever");
  options.machine = machine;
  TestEngine engine(options, Drive::kSim);
  REQUIRE(engine.Load(WriteModel("for_ever.layers", 3), "m", 1).ok());
  REQUIRE(engine
              ->SetBudgets({.weight_bytes = engine.MinimumWeightBytes(),
                            .memory_bytes = kAll})
              .ok());
  engine->MeasureCosts([] { return true; });
  REQUIRE(engine->Plan().measured.at(0));
  CHECK(engine->PromiseOf(engine->Find("m", "").get()).predicted >
        std::chrono::hours(24));
}

// With memory of its own. What it computes is the reference's.
class DeviceTwin final : public ForwardingBackend {
 public:
  using ForwardingBackend::ForwardingBackend;

  KernelKey key() const override {
    KernelKey key = inner_->key();
    key.backend = "cuda";
    return key;
  }
  bool shares_memory() const override { return false; }
};

TEST_CASE("On a device a promise counts copies, and parts that were given") {
  Declared on_cpu("on_cpu");
  Declared on_device("on_device",
                     std::make_unique<DeviceTwin>(MakeReferenceBackend()));
  const uint64_t streamed =
      on_device.engine()->Plan().plan.models.at(0).streamed_bytes;
  const double copy_bytes_per_s =
      on_device.engine()->Plan().costs.at(0).copy_bytes_per_s;
  REQUIRE(streamed > 0);
  REQUIRE(copy_bytes_per_s > 0);
  const auto seconds = [](std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
  };
  const double copies = static_cast<double>(streamed) / copy_bytes_per_s;
  CHECK(seconds(on_device.promise().compute) >= copies);
  CHECK(seconds(on_cpu.promise().compute) < copies);
  CHECK_THAT(on_cpu.Certificate(), Catch::Contains("\"parts_open_max\":1"));
  CHECK_THAT(on_device.Certificate(), Catch::Contains("\"parts_open_max\":2"));
}

}  // namespace
}  // namespace layerd
