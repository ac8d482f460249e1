#ifndef LAYERD_DAEMON_RT_CLOCK_H_
#define LAYERD_DAEMON_RT_CLOCK_H_

#include <chrono>

namespace layerd {

// Of the monotonic clock.
using Instant = std::chrono::steady_clock::time_point;

// Where time comes from. Only rooms of daemon/ that own a clock ask; all below
// get an Instant as an argument. Twins: MonotonicClock, and the virtual clock
// of test/sim.
//
// Threading: now() from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
};

class MonotonicClock final : public Clock {
 public:
  Instant now() const override { return std::chrono::steady_clock::now(); }
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_RT_CLOCK_H_
