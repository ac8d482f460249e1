#ifndef LAYERD_KERNELS_CUDA_HALF_CUH_
#define LAYERD_KERNELS_CUDA_HALF_CUH_

#include <cstdint>
#include <cstring>

// f16 by its bits, with the results of kernels/half.h.
namespace layerd::cuda {

__device__ inline float FloatFromBits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, 4);
  return value;
}
__device__ inline uint32_t BitsOf(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  return bits;
}

__device__ inline float FloatFromHalf(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  const uint32_t exponent = (half >> 10) & 31;
  const uint32_t fraction = half & 1023;
  if (exponent == 0) {  // Zero and subnormals: fraction * 2^-24.
    const float small = static_cast<float>(fraction) * 5.9604644775390625e-8f;
    return sign != 0 ? -small : small;
  }
  const uint32_t widened = exponent == 31 ? 255 : exponent + 112;
  const uint32_t quiet = exponent == 31 && fraction != 0 ? 0x400000 : 0;
  return FloatFromBits(sign | widened << 23 | fraction << 13 | quiet);
}

// To the nearest, ties to even.
__device__ inline uint16_t HalfFromFloat(float value) {
  const uint32_t bits = BitsOf(value);
  const uint16_t sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  const uint32_t size = bits & 0x7fffffff;
  if (size > 0x7f800000) {
    return static_cast<uint16_t>(sign | 0x7e00 | (size >> 13 & 0x3ff));
  }
  if (size >= 0x477ff000) return static_cast<uint16_t>(sign | 0x7c00);
  if (size < 0x38800000) {  // Subnormal: 2^-24 is one.
    const float scaled = FloatFromBits(size) * 16777216.0f;
    return static_cast<uint16_t>(sign | static_cast<int>(rintf(scaled)));
  }
  const uint32_t rounded = size + 0xfff + (size >> 13 & 1);
  return static_cast<uint16_t>(sign | (rounded - 0x38000000) >> 13);
}

// Floats of an operand, f32 or f16, read as f32. One branch that goes the same
// way in a whole launch, so that every kernel is compiled once and each of its
// operands is of either type.
struct Floats {
  const void* data;
  int is_half;

  __device__ float operator[](int64_t i) const {
    return is_half != 0 ? FloatFromHalf(static_cast<const uint16_t*>(data)[i])
                        : static_cast<const float*>(data)[i];
  }
  __device__ Floats operator+(int64_t elements) const {
    const int64_t bytes = is_half != 0 ? 2 : 4;
    return {static_cast<const char*>(data) + elements * bytes, is_half};
  }
};

// Where one float is written, rounded to the nearest.
struct FloatPlace {
  void* data;
  int is_half;

  __device__ void operator=(float value) const {
    if (is_half != 0) {
      *static_cast<uint16_t*>(data) = HalfFromFloat(value);
    } else {
      *static_cast<float*>(data) = value;
    }
  }
};

// As Floats, to be written.
struct WritableFloats {
  void* data;
  int is_half;

  __device__ FloatPlace operator[](int64_t i) const {
    const int64_t bytes = is_half != 0 ? 2 : 4;
    return {static_cast<char*>(data) + i * bytes, is_half};
  }
};

}  // namespace layerd::cuda

#endif  // LAYERD_KERNELS_CUDA_HALF_CUH_
