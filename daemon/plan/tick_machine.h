#ifndef LAYERD_DAEMON_PLAN_TICK_MACHINE_H_
#define LAYERD_DAEMON_PLAN_TICK_MACHINE_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>
#include <vector>

#include "config/limits.h"
#include "daemon/plan/analyzed_task.h"

namespace layerd {

// A processor that knows no formula, for tests of the analysis that does: each
// tick computes for the most urgent level that has a job on, and a level has
// one job on after the other. Times are whole ticks.
class TickMachine {
 public:
  // The first job of each task comes at `first`, the next a period later. Of
  // jobs of a level that may go first, one of tasks[ours] goes last.
  TickMachine(const std::vector<AnalyzedTask>& tasks, std::vector<int> first,
              bool earliest_deadline_first, size_t ours)
      : tasks_(tasks),
        next_(std::move(first)),
        by_deadline_(earliest_deadline_first),
        ours_(ours) {}

  // The longest response of a job of tasks[ours] that ends before that tick.
  int LongestUntil(int end) {
    int longest = 0;
    for (int now = *std::min_element(next_.begin(), next_.end()); now < end;
         ++now) {
      Release(now);
      Job* const job = MostUrgentOn();
      if (job == nullptr || --job->left > 0) continue;
      if (job->task == ours_) {
        longest = std::max(longest, now + 1 - job->arrival);
      }
      jobs_.erase(jobs_.begin() + (job - jobs_.data()));
    }
    return longest;
  }

 private:
  struct Job {
    size_t task;
    int arrival, left;
    bool on = false;
  };

  int level(const Job& job) const { return tasks_[job.task].level; }

  void Release(int now) {
    for (size_t i = 0; i < tasks_.size(); ++i) {
      if (next_[i] != now) continue;
      jobs_.push_back({i, now, static_cast<int>(tasks_[i].alone_seconds)});
      next_[i] += static_cast<int>(tasks_[i].period_seconds);
    }
  }

  bool GoesBefore(const Job& a, const Job& b) const {
    if (a.on != b.on) return a.on;
    const double due_a = by_deadline_ ? tasks_[a.task].deadline_seconds : 0;
    const double due_b = by_deadline_ ? tasks_[b.task].deadline_seconds : 0;
    if (a.arrival + due_a != b.arrival + due_b) {
      return a.arrival + due_a < b.arrival + due_b;
    }
    return a.task != ours_ && b.task == ours_;
  }

  // A level's job is on as soon as the one before is done, whoever computes.
  Job* MostUrgentOn() {
    std::array<Job*, kLevelsMax + 1> of_level{};
    for (Job& job : jobs_) {
      Job*& next = of_level[level(job)];
      if (next == nullptr || GoesBefore(job, *next)) next = &job;
    }
    Job* most_urgent = nullptr;
    for (Job* const job : of_level) {
      if (job == nullptr) continue;
      job->on = true;
      if (most_urgent == nullptr) most_urgent = job;
    }
    return most_urgent;
  }

  const std::vector<AnalyzedTask>& tasks_;
  std::vector<int> next_;
  const bool by_deadline_;
  const size_t ours_;
  std::vector<Job> jobs_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_TICK_MACHINE_H_
