#ifndef LAYERD_KERNELS_CPU_WINOGRAD_ROWS_H_
#define LAYERD_KERNELS_CPU_WINOGRAD_ROWS_H_

#include <cstdint>

namespace layerd::cpu {

// The two outer steps of kernels/winograd.h, along channels. Channels come in
// multiples of kWinogradLanes.
inline constexpr int64_t kWinogradLanes = 16;

// transpose(B) d B of 6 x 6 pixels, each an address of `channels` floats. The
// 36 results lie `step` floats apart.
void TransformInput(const float* const* pixels, int64_t channels, float* to,
                    int64_t step);

// y = clamp(transpose(A) m A + bias + residual) for 4 x 4 pixels.
struct WinogradOutput {
  const float* from;  // 36 of them, `step` floats apart.
  int64_t step;
  int64_t channels;
  const float* bias;             // Null: zero.
  const float* const* residual;  // Of each pixel; null: none.
  float* const* y;               // Of each pixel; null for what lies outside.
  float low, high;
};
void TransformOutput(const WinogradOutput& output);

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_WINOGRAD_ROWS_H_
