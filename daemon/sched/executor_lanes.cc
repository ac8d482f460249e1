#include "daemon/sched/executor_lanes.h"

#include <utility>

#include "absl/strings/str_format.h"

namespace layerd {
namespace {

absl::Status Unloaded(const Model& model) {
  return absl::UnavailableError(absl::StrFormat(
      "model %s/%s was unloaded or replaced while the request waited",
      model.name(), model.version()));
}

class ExecutorLane final : public Lane {
 public:
  ExecutorLane(Placement* placement, int level, bool most_urgent,
               ArrivalForecast* forecast, JobsInHurry* in_hurry)
      : placement_(placement),
        forecast_(forecast),
        in_hurry_(in_hurry),
        level_(level),
        most_urgent_(most_urgent),
        executor_(&placement->executor(level)) {}

  bool FreeFor(const Job& job) override {
    const PlacedModel* const placed = PlacedFor(job);
    if (placed == nullptr || executor_->FreeFor(*placed)) return true;
    in_hurry_->Change();
    return false;
  }
  absl::Status Begin(Job& job) override {
    PlacedModel* const placed = PlacedFor(job);
    if (placed == nullptr) return Unloaded(*job.model);
    job.model = placed->shared_model();
    if (absl::Status failed = job.model->unavailable(); !failed.ok()) {
      return failed;
    }
    job_ = &job;
    part_count_ = placed->part_count();
    forecast_->Note(job.model.get(), job.arrival);
    in_hurry_->Change();
    executor_->Begin(placed, job.inputs, job.part_times, job.low);
    // A lookup in a table may be waited for in the middle of a job.
    hasty_ = most_urgent_ || job.promised_response.count() > 0 ||
             placed->has_tables();
    in_hurry_->Begun(hasty_);
    return absl::OkStatus();
  }
  absl::StatusOr<bool> Ready() override { return executor_->Ready(); }
  absl::Status RunPart() override { return executor_->RunPart(); }
  bool finished() const override { return executor_->finished(); }
  absl::Status Finish() override { return executor_->Finish(job_->outputs); }
  void End() override {
    in_hurry_->Change();
    executor_->End();
    in_hurry_->Ended(hasty_);
  }
  bool MayEnd() override {
    if (executor_->MayEnd()) return true;
    in_hurry_->Change();
    return false;
  }
  bool ReadAhead(Instant now) override;

  size_t next_part() const override { return executor_->next_part(); }
  size_t part_count() const override { return part_count_; }
  std::chrono::nanoseconds load_wait() const override {
    return executor_->stats().load_wait;
  }
  uint64_t read_bytes() const override { return executor_->stats().read_bytes; }

 private:
  PlacedModel* PlacedFor(const Job& job) const {
    PlacedModel* const own = placement_->Find(job.model.get(), level_);
    // Who wants to know of its parts means that model and no other.
    if (own != nullptr || !job.part_times.empty()) return own;
    return placement_->FindInPlaceOf(*job.model, level_);
  }

  Placement* const placement_;
  ArrivalForecast* const forecast_;
  JobsInHurry* const in_hurry_;
  const int level_;
  const bool most_urgent_;
  Executor* const executor_;
  const Job* job_ = nullptr;
  size_t part_count_ = 0;
  bool hasty_ = false;
};

// The first model of a level that was never asked for is as good as any.
bool ExecutorLane::ReadAhead(Instant now) {
  PlacedModel* expected = nullptr;
  for (const Placement::Placed& placed : placement_->models()) {
    const Model& model = placed.model->model();
    if (placed.level != level_ || !model.failure().ok()) continue;
    if (expected == nullptr ||
        forecast_->Sooner(&model, &expected->model(), now)) {
      expected = placed.model.get();
    }
  }
  return expected == nullptr || executor_->Expect(expected);
}

}  // namespace

ExecutorLanes::ExecutorLanes(Placement* placement,
                             std::function<void(bool)> set_hurry)
    : in_hurry_(std::move(set_hurry)) {
  for (int level = 1; level <= kLevelsMax; ++level) {
    if (!placement->HasLevel(level)) continue;
    owned_.push_back(std::make_unique<ExecutorLane>(
        placement, level, /*most_urgent=*/owned_.empty(), &forecast_,
        &in_hurry_));
    lanes_[level - 1] = owned_.back().get();
  }
}

ExecutorLanes::~ExecutorLanes() = default;

}  // namespace layerd
