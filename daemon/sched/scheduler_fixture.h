#ifndef LAYERD_DAEMON_SCHED_SCHEDULER_FIXTURE_H_
#define LAYERD_DAEMON_SCHED_SCHEDULER_FIXTURE_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "config/check.h"
#include "daemon/rt/clock.h"
#include "daemon/sched/lane.h"
#include "daemon/sched/scheduler.h"

namespace layerd {

// Time that passes when a test says so.
class HandClock final : public Clock {
 public:
  Instant now() const override {
    if (asked_before_ > 0 && --asked_before_ == 0) now_ += sleep_;
    return now_;
  }
  std::optional<std::chrono::nanoseconds> cpu_time() const override {
    return cpu_time_;
  }
  void Pass(std::chrono::nanoseconds time) {
    now_ += time;
    cpu_time_ += time;
  }
  // The CPU was somebody else's.
  void PassTaken(std::chrono::nanoseconds time) { now_ += time; }
  // As if whoever asks the clock then slept before he asks for the `count`th
  // time from now on.
  void SleepBefore(int count, std::chrono::nanoseconds time) {
    asked_before_ = count;
    sleep_ = time;
  }

 private:
  mutable Instant now_ = Instant{} + std::chrono::hours(1);
  mutable int asked_before_ = 0;
  std::chrono::nanoseconds sleep_{0};
  std::chrono::nanoseconds cpu_time_{0};
};

// Ten parts, whose weights are all there.
class TenParts final : public Lane {
 public:
  TenParts(HandClock* clock, std::chrono::nanoseconds part)
      : clock_(clock), part_(part) {}

  bool FreeFor(const Job&) override { return free; }
  absl::Status Begin(Job&) override {
    next_ = 0;
    ++begun;
    return absl::OkStatus();
  }
  absl::StatusOr<bool> Ready() override {
    return is_ready ? is_ready() : ready;
  }
  absl::Status RunPart() override {
    clock_->Pass(part_);
    if (on_part) on_part();
    ++next_;
    return outcome;
  }
  bool finished() const override { return next_ == part_count(); }
  absl::Status Finish() override { return absl::OkStatus(); }
  void End() override { ++ended; }
  bool MayEnd() override { return landed; }
  bool ReadAhead(Instant) override {
    ++looked_ahead;
    return landed;
  }
  size_t next_part() const override { return next_; }
  size_t part_count() const override { return 10; }
  std::chrono::nanoseconds load_wait() const override { return waited; }
  uint64_t read_bytes() const override { return 0; }

  std::function<void()> on_part;   // At the end of each.
  std::function<bool()> is_ready;  // In the place of `ready`.
  absl::Status outcome;            // Of each, likewise.
  std::chrono::nanoseconds waited{0};
  int begun = 0, ended = 0, looked_ahead = 0;
  bool free = true, ready = true;
  std::atomic<bool> landed{true};  // What it has in flight.

 private:
  HandClock* const clock_;
  const std::chrono::nanoseconds part_;
  size_t next_ = 0;
};

struct SchedulerFixture {
  explicit SchedulerFixture(std::chrono::nanoseconds part,
                            LevelOrder order = LevelOrder::kFifo)
      : lane(&clock, part),
        second(&clock, part),
        scheduler({.level_order = order}, &clock) {
    scheduler.Resume({&lane, &second});
  }

  // With a plan of 10 ms, and an answer after 20 at the latest.
  void SubmitPromised(int level = 1) {
    auto job = JobOf(level, std::chrono::hours(1));
    job->promised_compute = std::chrono::milliseconds(10);
    job->promised_response = std::chrono::milliseconds(20);
    LAYERD_CHECK(scheduler.Submit(std::move(job)).ok());
  }
  uint64_t Broken(Assumption by) const {
    return scheduler.stats().promises_broken[static_cast<size_t>(by)];
  }

  // The job is cancelled by what is returned.
  std::shared_ptr<std::atomic<bool>> Submit(
      std::chrono::nanoseconds predicted,
      std::chrono::nanoseconds until_deadline, int level = 1) {
    auto job = JobOf(level, until_deadline);
    job->predicted = predicted;
    const auto cancelled = std::make_shared<std::atomic<bool>>(false);
    job->cancelled = cancelled;
    LAYERD_CHECK(scheduler.Submit(std::move(job)).ok());
    return cancelled;
  }
  std::unique_ptr<Job> JobOf(int level,
                             std::chrono::nanoseconds until_deadline) {
    auto job = std::make_unique<Job>();
    job->level = level;
    job->arrival = clock.now();
    job->deadline = clock.now() + until_deadline;
    job->done = [this](const absl::Status& status, const JobStats&) {
      answers.push_back(status);
    };
    return job;
  }
  void RunAll() {
    while (scheduler.Turn()) {
    }
  }

  HandClock clock;
  TenParts lane;
  TenParts second;  // Of level 2.
  Scheduler scheduler;
  std::vector<absl::Status> answers;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SCHED_SCHEDULER_FIXTURE_H_
