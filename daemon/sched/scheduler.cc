#include "daemon/sched/scheduler.h"

#include <array>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "config/check.h"

namespace layerd {
namespace {

absl::Status Unloaded(const Model& model) {
  return absl::UnavailableError(absl::StrFormat(
      "model %s/%s was unloaded or replaced while the request waited",
      model.name(), model.version()));
}

absl::Status Failed(const Model& model, const absl::Status& failure) {
  return absl::UnavailableError(absl::StrFormat(
      "model %s/%s is unavailable until it is loaded again: %s", model.name(),
      model.version(), std::string(failure.message())));
}

absl::Status ShuttingDown() {
  return absl::UnavailableError("the server is shutting down");
}

double Milliseconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

}  // namespace

Scheduler::Scheduler(size_t queue_jobs_max, const Clock* clock, bool read_ahead)
    : clock_(clock), read_ahead_(read_ahead), queue_(queue_jobs_max) {}

Scheduler::~Scheduler() { LAYERD_CHECK(running_ == nullptr && queue_.empty()); }

absl::Status Scheduler::Submit(std::unique_ptr<Job> job) {
  if (const absl::Status failure = job->model->failure(); !failure.ok()) {
    return Failed(*job->model, failure);
  }
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (draining_ || shutdown_) return ShuttingDown();
    if (queue_.full()) {
      return absl::ResourceExhaustedError(absl::StrFormat(
          "%d requests wait already, as many as the queue holds: try again "
          "later",
          queue_.size()));
    }
    queue_.Push(std::move(job));
  }
  work_.notify_one();
  return absl::OkStatus();
}

void Scheduler::Run() {
  while (WhoRunsNow()) RunOnePart();
}

void Scheduler::Shutdown() {
  const std::lock_guard<std::mutex> lock(mutex_);
  shutdown_ = true;
  out_of_time_.store(true);
  work_.notify_one();
}

void Scheduler::Drain(Instant deadline) {
  std::unique_lock<std::mutex> lock(mutex_);
  draining_ = true;
  auto drained = [this] { return queue_.empty() && !busy_; };
  if (deadline > clock_->now() && quiet_.wait_until(lock, deadline, drained)) {
    return;
  }
  out_of_time_.store(true);
  quiet_.wait(lock, drained);
}

void Scheduler::Hold() {
  std::unique_lock<std::mutex> lock(mutex_);
  LAYERD_CHECK(!held_);
  held_ = true;
  quiet_.wait(lock, [this] { return !busy_; });
}

void Scheduler::Resume(Placement* placement) {
  const std::lock_guard<std::mutex> lock(mutex_);
  LAYERD_CHECK(held_);
  placement_ = placement;
  held_ = false;
  changed_ = true;
  work_.notify_one();
}

// --- Executor thread ---------------------------------------------------------

bool Scheduler::WhoRunsNow() {
  if (running_ != nullptr) return true;
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    busy_ = false;
    quiet_.notify_all();
    work_.wait(lock, [this] {
      return shutdown_ || (!held_ && (changed_ || !queue_.empty()));
    });
    if (!queue_.empty()) break;
    if (shutdown_) return false;
    changed_ = false;
    if (placement_ == nullptr || !read_ahead_) continue;
    busy_ = true;  // Nobody takes the placement away meanwhile.
    const Placement& placement = *placement_;
    lock.unlock();
    ReadAhead(placement);
    lock.lock();
  }
  running_ = queue_.Pop();
  busy_ = true;
  changed_ = true;
  return true;
}

// The first model of a level that was never asked for is as good as any.
void Scheduler::ReadAhead(const Placement& placement) {
  if (&placement != seen_placement_) ForgetTheUnloaded(placement);
  const Instant now = clock_->now();
  std::array<PlacedModel*, kLevels> expected{};
  for (const auto& placed : placement.models()) {
    const Model& model = placed->model();
    if (!model.failure().ok()) continue;
    PlacedModel*& of_level = expected[model.level() - 1];
    if (of_level == nullptr ||
        forecast_.Sooner(&model, &of_level->model(), now)) {
      of_level = placed.get();
    }
  }
  for (PlacedModel* const model : expected) {
    if (model == nullptr) continue;
    placement.executor(model->model().level()).Expect(model);
  }
}

void Scheduler::ForgetTheUnloaded(const Placement& placement) {
  std::vector<const Model*> models;
  for (const auto& placed : placement.models()) {
    models.push_back(&placed->model());
  }
  forecast_.Keep(models);
  seen_placement_ = &placement;
}

void Scheduler::RunOnePart() {
  if (const absl::Status boundary = Boundary(); !boundary.ok()) {
    return End(boundary);
  }
  if (executor_ == nullptr) {
    Begin();
  } else if (executor_->finished()) {
    End(executor_->Finish(running_->outputs));
  } else if (const absl::Status part = executor_->RunPart(); !part.ok()) {
    End(part);
  }
}

void Scheduler::Begin() {
  begun_ = clock_->now();
  const Model& model = *running_->model;
  if (const absl::Status failure = model.failure(); !failure.ok()) {
    return End(Failed(model, failure));
  }
  Placement* placement;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    placement = placement_;
  }
  PlacedModel* const placed =
      placement == nullptr ? nullptr : placement->Find(&model);
  if (placed == nullptr) return End(Unloaded(model));
  executor_ = &placement->executor(model.level());
  forecast_.Note(&model, running_->arrival);
  executor_->Begin(placed, running_->inputs, running_->part_times);
}

void Scheduler::End(const absl::Status& status) {
  JobStats stats;
  const Instant now = clock_->now();
  stats.queued = now - running_->arrival;
  if (executor_ != nullptr) {
    executor_->End();
    stats.queued = begun_ - running_->arrival;
    stats.computing = now - begun_;
    stats.load_wait = executor_->stats().load_wait;
    stats.read_bytes = executor_->stats().read_bytes;
    executor_ = nullptr;
  }
  running_->done(status, stats);
  running_ = nullptr;
}

absl::Status Scheduler::Boundary() const {
  if (running_->cancelled != nullptr && running_->cancelled->load()) {
    return absl::CancelledError("the request was cancelled");
  }
  if (out_of_time_.load()) return ShuttingDown();
  const Instant now = clock_->now();
  if (now <= running_->deadline) return absl::OkStatus();
  const double late_ms = Milliseconds(now - running_->deadline);
  if (executor_ == nullptr) {
    return absl::DeadlineExceededError(absl::StrFormat(
        "the deadline passed %.3f ms before the request's turn came", late_ms));
  }
  return absl::DeadlineExceededError(absl::StrFormat(
      "the deadline passed %.3f ms ago, after %d of %d parts", late_ms,
      executor_->next_part(), running_->model->program().parts.size()));
}

}  // namespace layerd
