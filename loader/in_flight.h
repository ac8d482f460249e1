#ifndef LAYERD_LOADER_IN_FLIGHT_H_
#define LAYERD_LOADER_IN_FLIGHT_H_

#include <algorithm>
#include <cstdint>

namespace layerd {

inline constexpr uint64_t kInFlightBytesMin = 256 << 10;
inline constexpr uint64_t kInFlightBytesMax = 4 << 20;

// How many bytes of a stream may be in flight. Half a ring unless that is
// small, so that the executor can compute with the other half: some drives tell
// of a batch of reads only when they have done all of it.
inline uint64_t InFlightBytesMax(uint64_t ring_bytes) {
  return std::clamp(ring_bytes / 2, kInFlightBytesMin, kInFlightBytesMax);
}

}  // namespace layerd

#endif  // LAYERD_LOADER_IN_FLIGHT_H_
