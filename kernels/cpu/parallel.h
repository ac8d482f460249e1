#ifndef LAYERD_KERNELS_CPU_PARALLEL_H_
#define LAYERD_KERNELS_CPU_PARALLEL_H_

#include <algorithm>
#include <cstdint>

#include "kernels/cpu/team.h"

namespace layerd::cpu {

// Below this many elements a fork and join costs more than it saves (about
// 5 us against 1 ns an element).
inline constexpr int64_t kParallelElements = 32 << 10;

// Of whom ParallelRanges() calls at once, and who is calling now: for scratch
// of each thread.
inline int64_t ThreadsMax() { return thread_state.threads_max; }
inline int64_t ThreadNow() { return thread_state.number; }

// Calls body(begin, end) for ranges that together are [0, count), on the
// threads of the team that is on (ThreadsScope). Nothing is summed across
// ranges, so the number of threads does not change a bit.
template <typename Body>
void ParallelRanges(int64_t count, int64_t elements, const Body& body) {
  Team* const team = thread_state.team;
  if (team == nullptr || elements < kParallelElements || count < 2) {
    body(0, count);
    return;
  }
  team->Run(
      count,
      [](const void* context, int64_t begin, int64_t end) {
        (*static_cast<const Body*>(context))(begin, end);
      },
      &body);
}

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_PARALLEL_H_
