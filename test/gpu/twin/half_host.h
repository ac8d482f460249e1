#ifndef LAYERD_TEST_GPU_TWIN_HALF_HOST_H_
#define LAYERD_TEST_GPU_TWIN_HALF_HOST_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/half.h"

namespace layerd::twin {

// A run of numbers, f32 or f16, as floats.
inline std::vector<float> FloatsOf(const void* data, size_t count, bool half) {
  std::vector<float> floats(count);
  for (size_t i = 0; i < count; ++i) {
    floats[i] = half ? FloatFromHalf(static_cast<const uint16_t*>(data)[i])
                     : static_cast<const float*>(data)[i];
  }
  return floats;
}

inline float FloatAt(const void* data, size_t i, bool half) {
  return half ? FloatFromHalf(static_cast<const uint16_t*>(data)[i])
              : static_cast<const float*>(data)[i];
}

inline void SetFloat(void* data, size_t i, bool half, float value) {
  if (half) {
    static_cast<uint16_t*>(data)[i] = HalfFromFloat(value);
  } else {
    static_cast<float*>(data)[i] = value;
  }
}

// In an order that vectors can keep; `backwards` is another order, as other
// algorithms have.
inline float Dot(const float* a, const float* b, int64_t count,
                 bool backwards) {
  float sums[8] = {};
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    for (int lane = 0; lane < 8; ++lane)
      sums[lane] += a[i + lane] * b[i + lane];
  }
  float sum = 0;
  for (; i < count; ++i) sum += a[i] * b[i];
  for (int lane = 0; lane < 8; ++lane) sum += sums[backwards ? 7 - lane : lane];
  return sum;
}

}  // namespace layerd::twin

#endif  // LAYERD_TEST_GPU_TWIN_HALF_HOST_H_
