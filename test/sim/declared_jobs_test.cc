// Which requests of a declared task come in.
#include <chrono>
#include <string>

#include "absl/status/status.h"
#include "test/catch/catch.h"
#include "test/sim/test_engine.h"

namespace layerd {
namespace {

using std::chrono::milliseconds;

// One that was measured, so that it has a promise; requests may lower it. On a
// clock that stands still.
class Declared {
 public:
  explicit Declared(const std::string& name)
      : engine_(WithEmptyCache(name), Drive::kSim) {
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

  // At both levels it streams.
  uint64_t FewBytes() const { return 2 * engine_.MinimumWeightBytes(); }

  static constexpr milliseconds kPeriod{100};

 private:
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

}  // namespace
}  // namespace layerd
