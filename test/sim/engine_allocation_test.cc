// Nothing is allocated between the look for a request's model and its answer:
// every operator new of the process is counted, whichever thread calls it.

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "test/catch/catch.h"
#include "test/sim/allocations.h"
#include "test/sim/test_engine.h"

namespace layerd {
namespace {

// Jobs that are made before anyone counts, and memory that they share.
class Requests {
 public:
  Requests(Engine* engine, size_t count) : engine_(engine) {
    const std::shared_ptr<Model> model = engine->Find("m", "");
    for (const auto& port : model->inputs()) inputs_.emplace_back(port.bytes);
    for (const auto& port : model->outputs()) outputs_.emplace_back(port.bytes);
    for (size_t n = 0; n < count; ++n) {
      auto job = std::make_unique<Job>();
      job->model = model;
      job->inputs.assign(inputs_.begin(), inputs_.end());
      job->outputs.assign(outputs_.begin(), outputs_.end());
      job->done = [this](const absl::Status& status, const JobStats&) {
        well_ = well_ && status.ok();
        answers_.fetch_add(1);
        answers_.notify_one();
      };
      jobs_.push_back(std::move(job));
    }
  }

  // One after the other, with what is asked before; true if all were served.
  bool Run() {
    for (size_t n = 0; n < jobs_.size(); ++n) {
      if (engine_->Find("m", "") != jobs_[n]->model) return false;
      if (!engine_->Admit(*jobs_[n]).ok()) return false;
      if (!engine_->Submit(std::move(jobs_[n])).ok()) return false;
      answers_.wait(n);
    }
    return well_;
  }

 private:
  Engine* const engine_;
  std::vector<std::vector<std::byte>> inputs_, outputs_;
  std::vector<std::unique_ptr<Job>> jobs_;
  std::atomic<size_t> answers_{0};
  bool well_ = true;
};

TEST_CASE("The counter counts") {
  const uint64_t before = Allocations();
  ::operator delete(::operator new(1));
  CHECK(Allocations() == before + 1);
}

TEST_CASE("A request allocates nothing, resident or streamed, on any thread") {
  const bool streamed = GENERATE(false, true);
  INFO((streamed ? "streamed" : "resident"));
  const std::string path = WriteModel("allocate.layers", 3);
  TestEngine roomy({}, Drive::kAuto);
  REQUIRE(roomy.Load(path, "m", 3).ok());
  TestEngine engine(
      {.weight_budget_bytes = streamed ? roomy.MinimumWeightBytes() : kAll},
      Drive::kAuto);
  REQUIRE(engine.Load(path, "m", 3).ok());
  REQUIRE(Requests(engine.operator->(), 2).Run());
  Requests requests(engine.operator->(), 50);

  const uint64_t before = Allocations();
  const bool well = requests.Run();
  const uint64_t after = Allocations();

  CHECK(well);
  CHECK(after == before);
}

}  // namespace
}  // namespace layerd
