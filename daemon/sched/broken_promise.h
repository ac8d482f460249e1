#ifndef LAYERD_DAEMON_SCHED_BROKEN_PROMISE_H_
#define LAYERD_DAEMON_SCHED_BROKEN_PROMISE_H_

#include <array>
#include <chrono>
#include <cstddef>

namespace layerd {

// What the analysis takes for granted (README.md).
enum class Assumption {
  kCompute,    // Nobody computes longer than the plan has it.
  kProcessor,  // Nobody else gets the processor meanwhile.
  kDrive,      // No read takes longer than the quantile.
  kOther,
};
inline constexpr size_t kAssumptions = 4;
// By which it is told.
inline constexpr std::array<const char*, kAssumptions> kBreachNames = {
    "overrun", "processor", "drive", "other"};

// An answer that came later than promised.
struct LateAnswer {
  std::chrono::nanoseconds late{0};
  std::chrono::nanoseconds over_plan{0};  // That it computed; may be negative.
  std::chrono::nanoseconds taken{0};      // Neither computed nor slept.
  // For the drive; also before its turn, when nobody could compute.
  std::chrono::nanoseconds waited{0};
  bool others_overran = false;  // Since it came.
};

// Which of them did not hold. A processor that has become slower is seen as an
// overrun; the drive is named where nothing else explains it and the job waited
// long enough.
inline Assumption BrokenBy(const LateAnswer& answer) {
  using std::chrono::nanoseconds;
  if (answer.over_plan > nanoseconds(0)) {
    return answer.taken >= answer.over_plan ? Assumption::kProcessor
                                            : Assumption::kCompute;
  }
  if (answer.taken >= answer.late) return Assumption::kProcessor;
  if (answer.others_overran) return Assumption::kCompute;
  return answer.waited >= answer.late ? Assumption::kDrive : Assumption::kOther;
}

}  // namespace layerd

#endif  // LAYERD_DAEMON_SCHED_BROKEN_PROMISE_H_
