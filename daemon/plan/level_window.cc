#include "daemon/plan/level_window.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace layerd {
namespace {

constexpr double kAnyNumber = std::numeric_limits<double>::infinity();

using Tasks = std::vector<AnalyzedTask>;

bool IsOther(const Tasks& tasks, size_t of, size_t i) {
  return i != of && tasks[i].level == tasks[of].level;
}

// Whatever comes may go first.
LevelWindow AnyOrder(const Tasks& tasks, size_t of, double own_jobs) {
  LevelWindow window{.jobs_max = std::vector<double>(tasks.size())};
  window.jobs_max[of] = own_jobs;
  for (size_t i = 0; i < tasks.size(); ++i) {
    if (IsOther(tasks, of, i)) window.jobs_max[i] = kAnyNumber;
  }
  return window;
}

// And a job that has nothing to do with it had begun.
LevelWindow AnyOrderAfterOne(const Tasks& tasks, size_t of) {
  LevelWindow window = AnyOrder(tasks, of, /*own_jobs=*/1);
  for (size_t i = 0; i < tasks.size(); ++i) {
    if (IsOther(tasks, of, i)) window.begun.push_back(i);
  }
  return window;
}

// By deadline, opened so long before the arrival.
LevelWindow DueBy(const Tasks& tasks, size_t of, double opened_seconds) {
  const double due = opened_seconds + tasks[of].deadline_seconds;
  LevelWindow window{.opened_seconds = opened_seconds,
                     .jobs_max = std::vector<double>(tasks.size())};
  window.jobs_max[of] = JobsUpTo(opened_seconds, tasks[of]);
  for (size_t i = 0; i < tasks.size(); ++i) {
    if (!IsOther(tasks, of, i)) continue;
    const double other = tasks[i].deadline_seconds;
    window.jobs_max[i] = JobsUpTo(due - other, tasks[i]);
    // It came before the window opened, so it is due before this.
    if (other > due) window.begun.push_back(i);
  }
  return window;
}

// Where one more job of somebody is in time: between them a window that opened
// earlier is only further away. With a job that had begun before, which is due
// later, it cannot have opened earlier than the last of these.
std::vector<double> Openings(const Tasks& tasks, size_t of,
                             double busy_seconds) {
  Tasks level;
  for (const AnalyzedTask& task : tasks) {
    if (task.level == tasks[of].level) level.push_back(task);
  }
  const auto later = [&](const AnalyzedTask& task) {
    return task.deadline_seconds - tasks[of].deadline_seconds;
  };
  for (const AnalyzedTask& task : level) {
    busy_seconds = std::max(busy_seconds, later(task));
  }
  std::vector<double> openings{0};
  for (const AnalyzedTask& task : level) {
    // The first is in time without being early.
    openings.push_back(later(task));
    for (double opening =
             later(task) - task.jitter_seconds + task.period_seconds;
         opening <= busy_seconds; opening += task.period_seconds) {
      openings.push_back(opening);
    }
  }
  std::erase_if(openings, [](double opening) { return opening < 0; });
  std::sort(openings.begin(), openings.end());
  openings.erase(std::unique(openings.begin(), openings.end()), openings.end());
  return openings;
}

}  // namespace

double LevelWindow::JobsOf(size_t i, const AnalyzedTask& task,
                           double seconds) const {
  if (jobs_max[i] < 1) return 0;
  return std::clamp(
      JobsWithin(seconds + task.jitter_seconds, task.period_seconds), 1.0,
      jobs_max[i]);
}

LevelWindow WindowByArrival(const Tasks& tasks, size_t of) {
  LevelWindow window{.jobs_max = std::vector<double>(tasks.size())};
  for (size_t i = 0; i < tasks.size(); ++i) {
    window.jobs_max[i] = tasks[i].level == tasks[of].level ? 1 : 0;
  }
  return window;
}

double LongestBusy(const Tasks& tasks, size_t of, double periods_max,
                   const EndOfWindow& end_of) {
  double longest_period = 0;
  for (const AnalyzedTask& task : tasks) {
    if (task.level != tasks[of].level) continue;
    longest_period = std::max(longest_period, task.period_seconds);
  }
  const double busy_max = periods_max * longest_period;
  const double busy = end_of(AnyOrder(tasks, of, kAnyNumber), busy_max);
  return busy > busy_max ? std::numeric_limits<double>::infinity() : busy;
}

double ResponseByDeadline(const Tasks& tasks, size_t of, double busy_seconds,
                          double limit_seconds, const EndOfWindow& end_of) {
  if (std::isinf(busy_seconds)) {
    return end_of(AnyOrderAfterOne(tasks, of), limit_seconds);
  }
  double longest = 0;
  for (const double opened : Openings(tasks, of, busy_seconds)) {
    const double end = end_of(DueBy(tasks, of, opened), opened + limit_seconds);
    longest = std::max(longest, end - opened);
    if (longest > limit_seconds) break;
  }
  return longest;
}

}  // namespace layerd
