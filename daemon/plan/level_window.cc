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

// Whatever comes.
LevelWindow AnyOrder(const Tasks& tasks, size_t of, double own_jobs) {
  LevelWindow window{.jobs_max = JobCounts(tasks.size())};
  window.jobs_max[of] = own_jobs;
  for (size_t i = 0; i < tasks.size(); ++i) {
    if (IsOther(tasks, of, i)) window.jobs_max[i] = kAnyNumber;
  }
  return window;
}

// Whatever comes may go first, and a job that has nothing to do with it had
// begun.
LevelWindow AnyOrderAfterOne(const Tasks& tasks, size_t of) {
  LevelWindow window = AnyOrder(tasks, of, /*own_jobs=*/1);
  window.ours = of;
  for (size_t i = 0; i < tasks.size(); ++i) {
    if (IsOther(tasks, of, i)) window.begun.push_back(i);
  }
  return window;
}

// By deadline, opened so long before the arrival.
LevelWindow DueBy(const Tasks& tasks, size_t of, double opened_seconds) {
  const double due = opened_seconds + tasks[of].deadline_seconds;
  LevelWindow window{.opened_seconds = opened_seconds,
                     .jobs_max = JobCounts(tasks.size()),
                     .ours = of};
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
// earlier is only further away. A job that had begun before, which is due
// later, is on in the same busy time: it opens no window that is longer.
std::vector<double> Openings(const Tasks& tasks, size_t of,
                             double busy_seconds) {
  Tasks level;
  for (const AnalyzedTask& task : tasks) {
    if (task.level == tasks[of].level) level.push_back(task);
  }
  const auto later = [&](const AnalyzedTask& task) {
    return task.deadline_seconds - tasks[of].deadline_seconds;
  };
  std::vector<double> openings{0};
  for (const AnalyzedTask& task : level) {
    // The first is in time without being early.
    if (later(task) <= busy_seconds) openings.push_back(later(task));
    for (double opening =
             later(task) - task.jitter_seconds + task.period_seconds;
         opening <= busy_seconds; opening += task.period_seconds) {
      if (opening >= 0) openings.push_back(opening);
    }
  }
  std::erase_if(openings, [](double opening) { return opening < 0; });
  std::sort(openings.begin(), openings.end());
  openings.erase(std::unique(openings.begin(), openings.end()), openings.end());
  return openings;
}

// Those of the level that come in so many seconds of a window that no job of
// ours ends.
JobCounts AllWithin(const Tasks& tasks, const LevelWindow& window,
                    double seconds) {
  JobCounts jobs = window.jobs_max;
  for (size_t i = 0; i < tasks.size(); ++i) {
    const AnalyzedTask& task = tasks[i];
    if (jobs[i] < 1) continue;
    jobs[i] = std::clamp(
        JobsWithin(seconds + task.jitter_seconds, task.period_seconds), 1.0,
        jobs[i]);
  }
  return jobs;
}

// Those that go before ours if it begins after so many seconds.
JobCounts BeforeOurs(const Tasks& tasks, const LevelWindow& window,
                     double seconds) {
  JobCounts jobs = window.jobs_max;
  for (size_t i = 0; i < tasks.size(); ++i) {
    if (i == *window.ours) {
      --jobs[i];
    } else if (jobs[i] >= 1) {
      jobs[i] = std::min(jobs[i], JobsUpTo(seconds, tasks[i]));
    }
  }
  return jobs;
}

double EndOfAll(const Tasks& tasks, const LevelWindow& window,
                double limit_seconds, const EndOfJobs& end_of) {
  double end = 0;
  while (true) {
    const double next =
        end_of(AllWithin(tasks, window, end), window.begun, limit_seconds);
    if (next <= end || next > limit_seconds) return next;
    end = next;
  }
}

}  // namespace

double EndOfWindow(const Tasks& tasks, const LevelWindow& window,
                   double limit_seconds, const EndOfJobs& end_of) {
  if (!window.ours) return EndOfAll(tasks, window, limit_seconds, end_of);
  const size_t ours = *window.ours;
  const JobCounts most = BeforeOurs(tasks, window, kAnyNumber);
  double begin = window.opened_seconds + tasks[ours].begin_seconds;
  JobCounts jobs = BeforeOurs(tasks, window, begin);
  while (jobs != most) {
    const double next = end_of(jobs, window.begun, limit_seconds);
    if (next > limit_seconds) return next;
    if (next <= begin) break;
    begin = next;
    jobs = BeforeOurs(tasks, window, begin);
  }
  ++jobs[ours];
  return end_of(jobs, window.begun, limit_seconds);
}

LevelWindow WindowByArrival(const Tasks& tasks, size_t of) {
  LevelWindow window{.jobs_max = JobCounts(tasks.size()), .ours = of};
  for (size_t i = 0; i < tasks.size(); ++i) {
    window.jobs_max[i] = tasks[i].level == tasks[of].level ? 1 : 0;
  }
  return window;
}

double LongestBusy(const Tasks& tasks, size_t of, double periods_max,
                   const EndOfJobs& end_of) {
  double longest_period = 0;
  for (const AnalyzedTask& task : tasks) {
    if (task.level != tasks[of].level) continue;
    longest_period = std::max(longest_period, task.period_seconds);
  }
  const double busy_max = periods_max * longest_period;
  const double busy =
      EndOfWindow(tasks, AnyOrder(tasks, of, kAnyNumber), busy_max, end_of);
  return busy > busy_max ? std::numeric_limits<double>::infinity() : busy;
}

double ResponseByDeadline(const Tasks& tasks, size_t of, double busy_seconds,
                          double limit_seconds, const EndOfJobs& end_of) {
  if (std::isinf(busy_seconds)) {
    return EndOfWindow(tasks, AnyOrderAfterOne(tasks, of), limit_seconds,
                       end_of);
  }
  double longest = 0;
  for (const double opened : Openings(tasks, of, busy_seconds)) {
    const double end = EndOfWindow(tasks, DueBy(tasks, of, opened),
                                   opened + limit_seconds, end_of);
    longest = std::max(longest, end - opened);
    if (longest > limit_seconds) break;
  }
  return longest;
}

}  // namespace layerd
