#ifndef LAYERD_KERNELS_CPU_DEPTHWISE_ROWS_H_
#define LAYERD_KERNELS_CPU_DEPTHWISE_ROWS_H_

#include <cstdint>

namespace layerd::cpu {

// Neighbouring pixels of one output row, all with the same part of a window
// inside the picture. Steps are in floats.
struct DepthwiseRow {
  const float* x;  // Under the first tap, for the first pixel.
  int64_t x_pixel_step, x_row_step, x_column_step;
  const float* weights;  // Of the first tap.
  int64_t weights_row_step, weights_column_step;
  int64_t taps_down, taps_across;
  const float* bias;      // Null: zero.
  const float* residual;  // Null: none.
  int64_t residual_step;
  float* y;
  int64_t y_step;
  int64_t pixels;
  int64_t channels;
  float low, high;
};

// Pixel by pixel, all channels of each.
void RunDepthwise(const DepthwiseRow& row);

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_DEPTHWISE_ROWS_H_
