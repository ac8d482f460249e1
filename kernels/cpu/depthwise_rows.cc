#include "kernels/cpu/depthwise_rows.h"

#include "kernels/cpu/lanes.h"
#include "kernels/cpu/multiversion.h"

namespace layerd::cpu {
namespace {

// Which columns a pixel sees, where the compiler is told: neighbours share what
// they load.
template <int kTaps, int kStride>
struct Across {
  template <typename Vector, int kPixels, int kCount>
  static LAYERD_INLINE void Add(
      const DepthwiseRow& row, const float* x, const float* w,
      typename Vector::Floats (&sum)[kPixels][kCount]) {
#pragma GCC unroll 8
    for (int j = 0; j < kTaps; ++j) {
#pragma GCC unroll 4
      for (int v = 0; v < kCount; ++v) {
        const int64_t at = v * Vector::kCount;
        const auto weight = Vector::Load(w + j * row.weights_column_step + at);
#pragma GCC unroll 8
        for (int p = 0; p < kPixels; ++p) {
          sum[p][v] +=
              weight *
              Vector::Load(x + (p * kStride + j) * row.x_column_step + at);
        }
      }
    }
  }
};
struct AnyAcross {
  template <typename Vector, int kPixels, int kCount>
  static LAYERD_INLINE void Add(
      const DepthwiseRow& row, const float* x, const float* w,
      typename Vector::Floats (&sum)[kPixels][kCount]) {
    for (int64_t j = 0; j < row.taps_across; ++j) {
      for (int v = 0; v < kCount; ++v) {
        const int64_t at = v * Vector::kCount;
        const auto weight = Vector::Load(w + at);
        for (int p = 0; p < kPixels; ++p) {
          sum[p][v] += weight * Vector::Load(x + p * row.x_pixel_step + at);
        }
      }
      x += row.x_column_step;
      w += row.weights_column_step;
    }
  }
};

// So many vectors of channels of so many pixels.
template <typename Columns, typename Vector, int kPixels, int kCount>
LAYERD_INLINE void Pixels(const DepthwiseRow& row, int64_t first,
                          int64_t channel) {
  using Floats = typename Vector::Floats;
  Floats sum[kPixels][kCount];
  for (int v = 0; v < kCount; ++v) {
    const Floats bias =
        row.bias == nullptr
            ? Floats{}
            : Vector::Load(row.bias + channel + v * Vector::kCount);
    for (int p = 0; p < kPixels; ++p) sum[p][v] = bias;
  }
  const float* x = row.x + first * row.x_pixel_step + channel;
  const float* w = row.weights + channel;
  for (int64_t i = 0; i < row.taps_down; ++i) {
    Columns::template Add<Vector>(row, x, w, sum);
    x += row.x_row_step;
    w += row.weights_row_step;
  }
  const Floats low = Floats{} + row.low;
  const Floats high = Floats{} + row.high;
  for (int p = 0; p < kPixels; ++p) {
    float* const to = row.y + (first + p) * row.y_step + channel;
    for (int v = 0; v < kCount; ++v) {
      const int64_t at = v * Vector::kCount;
      Floats y = sum[p][v];
      if (row.residual != nullptr) {
        y += Vector::Load(row.residual + (first + p) * row.residual_step +
                          channel + at);
      }
      y = y < low ? low : y;  // Not a number stays so.
      y = y > high ? high : y;
      Vector::Put(to + at, y);
    }
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

template <typename Columns, typename Vector, int kPixels>
LAYERD_INLINE void AllChannels(const DepthwiseRow& row, int64_t first) {
  // Whole lines of the cache, and sums enough that none waits for another.
  constexpr int kCount = kPieces<Vector>;
  int64_t channel = 0;
  for (; channel + kLanes <= row.channels; channel += kLanes) {
    Pixels<Columns, Vector, kPixels, kCount>(row, first, channel);
  }
  for (; kCount > 1 && channel + Vector::kCount <= row.channels;
       channel += Vector::kCount) {
    Pixels<Columns, Vector, kPixels, 1>(row, first, channel);
  }
  if (channel == row.channels) return;
  for (int p = 0; p < kPixels; ++p) Rest(row, first + p, channel);
}

template <typename Columns, typename Vector>
LAYERD_INLINE void AllPixels(const DepthwiseRow& row) {
  constexpr int kPixels = 4;
  int64_t first = 0;
  for (; first + kPixels <= row.pixels; first += kPixels) {
    AllChannels<Columns, Vector, kPixels>(row, first);
  }
  for (; first < row.pixels; ++first) {
    AllChannels<Columns, Vector, 1>(row, first);
  }
}

// Its own copy: what is stored changes nothing of it.
template <typename Vector>
LAYERD_INLINE void RunBy(const DepthwiseRow row) {
  const bool is_alone = row.pixels == 1;
  if (row.taps_across == 2 && is_alone) {
    return AllPixels<Across<2, 1>, Vector>(row);
  }
  if (row.taps_across == 3) {
    if (is_alone || row.x_pixel_step == row.x_column_step) {
      return AllPixels<Across<3, 1>, Vector>(row);
    }
    if (row.x_pixel_step == 2 * row.x_column_step) {
      return AllPixels<Across<3, 2>, Vector>(row);
    }
  }
  AllPixels<AnyAcross, Vector>(row);
}

}  // namespace

LAYERD_MULTIVERSION
void RunDepthwise(const DepthwiseRow& row) {
  HasLongVectors() ? RunBy<LongVector>(row) : RunBy<ShortVector>(row);
}

}  // namespace layerd::cpu
