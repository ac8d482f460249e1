#ifndef LAYERD_DAEMON_RT_CLOCK_H_
#define LAYERD_DAEMON_RT_CLOCK_H_

#include <time.h>

#include <chrono>
#include <optional>

namespace layerd {

// Of the monotonic clock.
using Instant = std::chrono::steady_clock::time_point;

// Where time comes from. Only rooms of daemon/ that own a clock ask; all below
// get an Instant as an argument. Twins: MonotonicClock, and the virtual clock
// of test/sim.
//
// Threading: any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
  // For how long the calling thread has had a CPU, where that is known: not
  // while it slept, nor while the hypervisor or another thread had its CPU.
  virtual std::optional<std::chrono::nanoseconds> cpu_time() const {
    return std::nullopt;
  }
};

class MonotonicClock final : public Clock {
 public:
  Instant now() const override { return std::chrono::steady_clock::now(); }
  std::optional<std::chrono::nanoseconds> cpu_time() const override {
    timespec time{};
    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) != 0) return std::nullopt;
    return std::chrono::seconds(time.tv_sec) +
           std::chrono::nanoseconds(time.tv_nsec);
  }
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_RT_CLOCK_H_
