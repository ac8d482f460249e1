#include "kernels/cpu/depthwise_rows.h"

#include "kernels/cpu/lanes.h"
#include "kernels/cpu/multiversion.h"

namespace layerd::cpu {
namespace {

// Which columns a pixel sees, where the compiler is told: neighbours share what
// they load.
template <int kTaps, int kStride>
struct Across {
  template <int kPixels>
  static LAYERD_INLINE void Add(const DepthwiseRow& row, const float* x,
                                const float* w, Lanes (&sum)[kPixels]) {
#pragma GCC unroll 8
    for (int j = 0; j < kTaps; ++j) {
      const Lanes weight = Load(w + j * row.weights_column_step);
#pragma GCC unroll 8
      for (int p = 0; p < kPixels; ++p) {
        sum[p] += weight * Load(x + (p * kStride + j) * row.x_column_step);
      }
    }
  }
};
struct AnyAcross {
  template <int kPixels>
  static LAYERD_INLINE void Add(const DepthwiseRow& row, const float* x,
                                const float* w, Lanes (&sum)[kPixels]) {
    for (int64_t j = 0; j < row.taps_across; ++j) {
      const Lanes weight = Load(w);
      for (int p = 0; p < kPixels; ++p) {
        sum[p] += weight * Load(x + p * row.x_pixel_step);
      }
      x += row.x_column_step;
      w += row.weights_column_step;
    }
  }
};

template <typename Columns, int kPixels>
LAYERD_INLINE void Pixels(const DepthwiseRow& row, int64_t first,
                          int64_t channel) {
  Lanes sum[kPixels];
  for (int p = 0; p < kPixels; ++p) {
    sum[p] = row.bias == nullptr ? Lanes{} : Load(row.bias + channel);
  }
  const float* x = row.x + first * row.x_pixel_step + channel;
  const float* w = row.weights + channel;
  for (int64_t i = 0; i < row.taps_down; ++i) {
    Columns::Add(row, x, w, sum);
    x += row.x_row_step;
    w += row.weights_row_step;
  }
  const Lanes low = Lanes{} + row.low;
  const Lanes high = Lanes{} + row.high;
  for (int p = 0; p < kPixels; ++p) {
    Lanes y = sum[p];
    if (row.residual != nullptr) {
      y += Load(row.residual + (first + p) * row.residual_step + channel);
    }
    y = y < low ? low : y;  // Not a number stays so.
    y = y > high ? high : y;
    Put(row.y + (first + p) * row.y_step + channel, y);
  }
}

// The channels that fill no vector.
LAYERD_INLINE void Rest(const DepthwiseRow& row, int64_t pixel,
                        int64_t channel) {
  const float* const x = row.x + pixel * row.x_pixel_step;
  for (int64_t c = channel; c < row.channels; ++c) {
    float y = row.bias == nullptr ? 0.0f : row.bias[c];
    for (int64_t i = 0; i < row.taps_down; ++i) {
      for (int64_t j = 0; j < row.taps_across; ++j) {
        y += row.weights[i * row.weights_row_step +
                         j * row.weights_column_step + c] *
             x[i * row.x_row_step + j * row.x_column_step + c];
      }
    }
    if (row.residual != nullptr) {
      y += row.residual[pixel * row.residual_step + c];
    }
    y = y < row.low ? row.low : y;
    row.y[pixel * row.y_step + c] = y > row.high ? row.high : y;
  }
}

template <typename Columns, int kPixels>
LAYERD_INLINE void AllChannels(const DepthwiseRow& row, int64_t first) {
  int64_t channel = 0;
  for (; channel + kLanes <= row.channels; channel += kLanes) {
    Pixels<Columns, kPixels>(row, first, channel);
  }
  if (channel == row.channels) return;
  for (int p = 0; p < kPixels; ++p) Rest(row, first + p, channel);
}

template <typename Columns>
LAYERD_INLINE void AllPixels(const DepthwiseRow& row) {
  int64_t first = 0;
  for (; first + 4 <= row.pixels; first += 4) {
    AllChannels<Columns, 4>(row, first);
  }
  for (; first < row.pixels; ++first) AllChannels<Columns, 1>(row, first);
}

}  // namespace

LAYERD_MULTIVERSION
void RunDepthwise(const DepthwiseRow& row) {
  const bool is_alone = row.pixels == 1;
  if (row.taps_across == 2 && is_alone) return AllPixels<Across<2, 1>>(row);
  if (row.taps_across == 3) {
    if (is_alone || row.x_pixel_step == row.x_column_step) {
      return AllPixels<Across<3, 1>>(row);
    }
    if (row.x_pixel_step == 2 * row.x_column_step) {
      return AllPixels<Across<3, 2>>(row);
    }
  }
  AllPixels<AnyAcross>(row);
}

}  // namespace layerd::cpu
