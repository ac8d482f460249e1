#ifndef LAYERD_DAEMON_PLAN_ANALYZED_TASK_H_
#define LAYERD_DAEMON_PLAN_ANALYZED_TASK_H_

#include <cmath>

namespace layerd {

// A declared task, as response-time analysis sees it.
struct AnalyzedTask {
  int level = 1;                // 1 is the most urgent.
  double period_seconds = 0;    // At least so long between two of its jobs.
  double alone_seconds = 0;     // Its response with no other task, blocked by
                                // lower work as often as it can be.
  double deadline_seconds = 0;  // At most the period.
  double jitter_seconds = 0;    // A job may come so much before its time.
  double begin_seconds = 0;     // The longest part of other levels, or all
                                // that a device was given: it begins after
                                // it if that is on when it comes.
};

// Of sums and differences of measured seconds.
inline constexpr double kRoundedPeriods = 1e-9;

// The most jobs that come in a time so long, its end not in it: a
// response that ends with a period is not hit by the next job of it.
inline double JobsWithin(double seconds, double period_seconds) {
  return std::ceil(seconds / period_seconds * (1 - 1e-12));
}

// The same with its end in it, where one may come early; none if it ends before
// it begins.
inline double JobsUpTo(double seconds, const AnalyzedTask& task) {
  const double periods = seconds / task.period_seconds;
  if (periods < -kRoundedPeriods) return 0;
  return 1 + std::floor(periods + task.jitter_seconds / task.period_seconds +
                        kRoundedPeriods);
}

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_ANALYZED_TASK_H_
