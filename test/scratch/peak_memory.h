#ifndef LAYERD_TEST_SCRATCH_PEAK_MEMORY_H_
#define LAYERD_TEST_SCRATCH_PEAK_MEMORY_H_

#include <sys/resource.h>

#include <cstdint>

namespace layerd {

// The most memory that this process has had so far: for tests that something
// is refused before it takes any.
inline uint64_t PeakMemoryBytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return uint64_t{1024} * usage.ru_maxrss;
}

}  // namespace layerd

#endif  // LAYERD_TEST_SCRATCH_PEAK_MEMORY_H_
