#ifndef LAYERD_DAEMON_SCHED_WORK_AHEAD_H_
#define LAYERD_DAEMON_SCHED_WORK_AHEAD_H_

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

#include "config/limits.h"

namespace layerd {

// What is queued or on, and how long it will take: for admission by predicted
// finish.
//
// What the level itself has to do is what was predicted, times how much longer
// its jobs were on lately than that: others preempt them, and share the drive
// and the memory. More urgent work counts as predicted: that it preempts the
// level is in the factor already. For a job that nothing is ahead of it is the
// plain prediction, so that what was learned in bad times is learned anew.
//
// Threading: any; NoteTime() one at a time.
class WorkAhead {
 public:
  using Time = std::chrono::nanoseconds;
  // What a job that comes now may expect: the work of its level and of more
  // urgent ones, and its own.
  struct Forecast {
    Time ahead, own;
  };

  // That is predicted; negative: it is done, or was dropped.
  void Add(int level, Time more);
  // A job was on for `took` until what was predicted to take `predicted` was
  // done.
  void NoteTime(int level, Time predicted, Time took);
  Forecast ForecastOf(int level, Time predicted) const;

 private:
  std::array<std::atomic<int64_t>, kLevelsMax> work_ns_{};  // Predicted.
  // Of jobs lately: time over what was predicted, less one.
  std::array<std::atomic<double>, kLevelsMax> slowness_{};
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SCHED_WORK_AHEAD_H_
