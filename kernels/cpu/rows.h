#ifndef LAYERD_KERNELS_CPU_ROWS_H_
#define LAYERD_KERNELS_CPU_ROWS_H_

#include <array>
#include <cstdint>

#include "kernels/operator.h"

namespace layerd::cpu {

// Loops over contiguous rows of floats, compiled for each instruction set. No
// loop depends on how its rows are aligned, and no sum on how long its vectors
// are: same numbers in, same bits out. vector_math.h says how near the true
// numbers what is not rational comes.

// y = activation(x). x and y may be the same row. In activation_rows.cc.
void ActivateRow(const Activation& activation, const float* x, float* y,
                 int64_t count);

// y = a op b, for what makes floats of floats. A stride of 1 is a row, of 0 one
// number; others are slow. y may be the same row as a or b.
void BinaryRow(Binary::Kind kind, const float* a, int64_t a_stride,
               const float* b, int64_t b_stride, float* y, int64_t count);

// y = min(max(a + b, low), high) for `rows` rows of `count`, with steps from
// one row to the next: for the many short rows of a part that adds a residual.
// y may be the memory of a or b.
struct StridedRows {
  const float* a;
  const float* b;
  float* y;
  int64_t a_step, b_step, y_step;
  int64_t rows, count;
};
void AddClampRows(const StridedRows& rows, float low, float high);
// y = a * b, where b is one number for each row.
void TimesNumberRows(const StridedRows& rows);

// y = x * scale + shift, with strides 1 or 0 for scale and shift together.
void ScaleShiftRow(const float* x, const float* scale, const float* shift,
                   int64_t stride, float* y, int64_t count);

// y = the largest, or factor times the sum, of the rows of channels in a window
// of up to three dimensions.
struct PoolWindow {
  const float* x;
  std::array<int64_t, 3> count, step;
};
void MaxOfWindow(const PoolWindow& window, float* y, int64_t channels);
void SumOfWindow(const PoolWindow& window, float factor, float* y,
                 int64_t channels);

// y = x; y += x; y *= factor.
void CopyRow(const float* x, float* y, int64_t count);
void AddRow(const float* x, float* y, int64_t count);
void ScaleRow(float factor, float* y, int64_t count);

// y = factor * x; y += factor * x.
void ScaledRow(float factor, const float* x, float* y, int64_t count);
void AddScaledRow(float factor, const float* x, float* y, int64_t count);

// Of which elements or pixels of x each one of y is made: all of their first
// taps lie before all second ones.
struct PixelTaps {
  const int32_t* from;  // Elements of x.
  const float* weight;
  int64_t taps;  // Of each; at least 1.
};
// y[i] = sum of weight * x[from].
void MixElements(const float* x, const PixelTaps& taps, int64_t count,
                 float* y);
// y[i] = x[i / times].
void RepeatElements(const float* x, int64_t times, int64_t count, float* y);
// As MixElements(), of pixels of `channels` elements; those of y are `y_step`
// apart.
void MixPixels(const float* x, const PixelTaps& taps, int64_t pixels,
               int64_t channels, float* y, int64_t y_step);

// For reductions that make floats of floats: what one starts with, two results
// joined, all of a row (a stride of 1 is fast), and y joined with x by element.
// A mean is a sum here.
float StartOf(Reduce::Kind kind);
float Reduced(Reduce::Kind kind, float a, float b);
float ReduceRow(Reduce::Kind kind, const float* x, int64_t stride,
                int64_t count);
void AccumulateRow(Reduce::Kind kind, const float* x, float* y, int64_t count);

// The place of the first or last of the largest or smallest elements of a row;
// 0 where the first one is not a number, else such ones do not count.
int64_t PlaceInRow(bool wants_most, bool wants_last, const float* x,
                   int64_t count);
// The same by element of many rows: x is row `at`, best and place what was
// found in those before.
void PlacesOfRows(bool wants_most, bool wants_last, const float* x, int32_t at,
                  float* best, int32_t* place, int64_t count);

// As `op` says, along one row. scale or bias may be null. x and y may be the
// same row.
void LayerNormRow(const LayerNorm& op, const float* x, const float* scale,
                  const float* bias, float* y, int64_t count);

// Pixels of `channels` elements, x_step from one to the next.
struct PixelRows {
  const float* x;
  int64_t x_step, pixels, channels;
};
// Of each channel the mean, and the sum of squared distances from it.
void MomentsOfPixels(const PixelRows& rows, float* mean, float* squares);
// y = (x - mean) * factor, with one of each for each channel.
void NormalisePixels(const PixelRows& rows, const float* mean,
                     const float* factor, float* y, int64_t y_step);

// y += x * x.
void AddSquareRow(const float* x, float* y, int64_t count);

// y = x * (k + factor * y)^-beta.
void NormaliseRow(float k, float factor, float beta, const float* x, float* y,
                  int64_t count);

// y = exp(x - max(x)) / sum. x and y may be the same row.
void SoftmaxRow(const float* x, float* y, int64_t count);

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_ROWS_H_
