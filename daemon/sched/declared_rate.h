#ifndef LAYERD_DAEMON_SCHED_DECLARED_RATE_H_
#define LAYERD_DAEMON_SCHED_DECLARED_RATE_H_

#include <algorithm>
#include <chrono>
#include <optional>

#include "daemon/rt/clock.h"

namespace layerd {

// Keeps a declared task to its period: the promises of others stand on it. Its
// jobs have their time one period apart. A late one moves those after it, one
// that is early by no more than the jitter does not, and an earlier one must
// not come in: so clocks may differ and networks may waver, and yet no more
// jobs come in the long run than were declared.
//
// Threading: one at a time.
class DeclaredRate {
 public:
  // Of the period; the analysis counts with it (TaskProgram::jitter_seconds).
  static constexpr double kJitterShare = 0.1;

  // How long before its time a job at `arrival` would come; 0 if its time has
  // come.
  std::chrono::nanoseconds Early(Instant arrival) const {
    return std::max(time_ - arrival, std::chrono::nanoseconds(0));
  }
  // True if it may come in; then the next has its time a period later.
  bool Admit(Instant arrival, std::chrono::nanoseconds period) {
    if (Early(arrival) > kJitterShare * period) return false;
    time_ = std::max(time_, arrival) + period;
    return true;
  }
  // When the next job has its time.
  Instant next() const { return time_; }
  // The job that was let in, so that `next` was the time of the one after it,
  // was refused all the same: whoever comes in its place takes its turn. Not
  // once another has come in.
  void TakeBack(Instant next, std::chrono::nanoseconds period) {
    if (time_ == next) time_ -= period;
  }

 private:
  Instant time_{};  // Of the next job.
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SCHED_DECLARED_RATE_H_
