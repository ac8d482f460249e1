#ifndef LAYERD_DAEMON_PLAN_LEVEL_WINDOW_H_
#define LAYERD_DAEMON_PLAN_LEVEL_WINDOW_H_

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "daemon/plan/analyzed_task.h"

namespace layerd {

// Of each task of the analysis; of other levels none.
using JobCounts = std::vector<double>;

// A time up to the end of a job in which its level always had one that goes no
// later than it, and what the level computes in it at most.
struct LevelWindow {
  // It opened so long before the job came.
  double opened_seconds = 0;
  // So many jobs, if so many come in time; of the job's own task it is among
  // them.
  JobCounts jobs_max = {};
  // Tasks of which one job may have begun before the window opened.
  std::vector<size_t> begun = {};
  // The task whose job ends it. Nobody of its level preempts that, so in time
  // is who comes before it begins. None: whoever comes before the end.
  std::optional<size_t> ours = {};
};

// In the order of arrival: every other task of the level has one job at most
// before that of tasks[of], for each meets its deadline, and that is no later
// than its period.
LevelWindow WindowByArrival(const std::vector<AnalyzedTask>& tasks, size_t of);

// Seconds until so many jobs of the level and one of any of `begun` are done,
// one after the other, with what more urgent levels compute meanwhile; the
// first value above `limit_seconds` if that is passed.
using EndOfJobs = std::function<double(const JobCounts& jobs,
                                       const std::vector<size_t>& begun,
                                       double limit_seconds)>;

// Seconds from the opening of a window to its end; the first value above
// `limit_seconds` if that is passed.
double EndOfWindow(const std::vector<AnalyzedTask>& tasks,
                   const LevelWindow& window, double limit_seconds,
                   const EndOfJobs& end_of);

// For how long the level of tasks[of] can be busy without a pause with what
// came meanwhile; infinity if that is not known to be less than so many of its
// longest periods.
double LongestBusy(const std::vector<AnalyzedTask>& tasks, size_t of,
                   double periods_max, const EndOfJobs& end_of);

// By deadline, the longest response of a job of tasks[of] over all windows that
// there can be. Whoever came since the window opened goes first if his deadline
// is no later than ours and it comes before ours begins, and one job with a
// later one may have begun. The window may have opened as long before our job
// came as the level can be busy, and the worst is where one more job just came
// in time (George, Rivierre, Spuri: Preemptive and non-preemptive real-time
// uniprocessor scheduling, INRIA RR-2966, 1996). If `busy_seconds` is infinite,
// any job goes first that comes before ours begins. Stops at the first value
// above `limit_seconds`.
double ResponseByDeadline(const std::vector<AnalyzedTask>& tasks, size_t of,
                          double busy_seconds, double limit_seconds,
                          const EndOfJobs& end_of);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_LEVEL_WINDOW_H_
