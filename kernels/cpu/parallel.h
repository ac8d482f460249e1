#ifndef LAYERD_KERNELS_CPU_PARALLEL_H_
#define LAYERD_KERNELS_CPU_PARALLEL_H_

#include <algorithm>
#include <cstdint>

#if defined(_OPENMP) && !defined(__SANITIZE_THREAD__)
#include <omp.h>
#endif

namespace layerd::cpu {

// Below this many elements a fork and join costs more than it saves (about
// 5 us against 1 ns an element).
inline constexpr int64_t kParallelElements = 32 << 10;

// Of whom ParallelRanges() calls at once, and who is calling now: for scratch
// of each thread.
inline int64_t ThreadsMax() {
#if defined(_OPENMP) && !defined(__SANITIZE_THREAD__)
  return omp_get_max_threads();
#else
  return 1;
#endif
}
inline int64_t ThreadNow() {
#if defined(_OPENMP) && !defined(__SANITIZE_THREAD__)
  return omp_get_thread_num();
#else
  return 0;
#endif
}

// Calls body(begin, end) for ranges that together are [0, count), on the
// threads that oneDNN computes with. Nothing is summed across ranges, so the
// number of threads does not change a bit.
//
// Serial where ThreadSanitizer watches: it knows nothing of libgomp's
// barriers and would report every loop.
template <typename Body>
void ParallelRanges(int64_t count, int64_t elements, const Body& body) {
#if defined(_OPENMP) && !defined(__SANITIZE_THREAD__)
  if (elements >= kParallelElements && count > 1 && omp_get_max_threads() > 1) {
#pragma omp parallel
    {
      const int64_t threads = omp_get_num_threads();
      const int64_t thread = omp_get_thread_num();
      const int64_t begin = count * thread / threads;
      const int64_t end = count * (thread + 1) / threads;
      if (begin < end) body(begin, end);
    }
    return;
  }
#endif
  static_cast<void>(elements);
  body(0, count);
}

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_PARALLEL_H_
