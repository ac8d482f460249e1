#include <algorithm>

#include "kernels/cpu/lanes.h"
#include "kernels/cpu/multiversion.h"
#include "kernels/cpu/rows.h"

namespace layerd::cpu {
namespace {

struct Pixels {
  const float* x;
  PixelTaps taps;
  int64_t count, channels;
  float* y;
  int64_t y_step;
};

// Of one pixel kCount channels at a time. The last ones end with the pixel, and
// so may be computed twice. kTaps is 0 where there are more.
template <int64_t kCount, int64_t kTaps>
LAYERD_INLINE void MixPixel(const Pixels& pixels, int64_t pixel) {
  using Vector = VectorOf<kCount>;
  const PixelTaps& taps = pixels.taps;
  float* const y = pixels.y + pixel * pixels.y_step;
  const int64_t last = pixels.channels - kCount;
  for (int64_t c = 0; c <= last;) {
    auto sum =
        taps.weight[pixel] * Vector::Load(pixels.x + taps.from[pixel] + c);
    for (int64_t t = 1; t < (kTaps > 0 ? kTaps : taps.taps); ++t) {
      const int64_t at = t * pixels.count + pixel;
      sum += taps.weight[at] * Vector::Load(pixels.x + taps.from[at] + c);
    }
    Vector::Put(y + c, sum);
    c = c < last ? std::min(c + kCount, last) : last + 1;
  }
}

template <int64_t kCount>
LAYERD_INLINE void MixBy(const Pixels& pixels) {
  for (int64_t pixel = 0; pixel < pixels.count; ++pixel) {
    if (pixels.taps.taps == 1) {
      MixPixel<kCount, 1>(pixels, pixel);
    } else if (pixels.taps.taps == 2) {
      MixPixel<kCount, 2>(pixels, pixel);
    } else {
      MixPixel<kCount, 0>(pixels, pixel);
    }
  }
}

}  // namespace

LAYERD_MULTIVERSION
void MixElements(const float* x, const PixelTaps& taps, int64_t count,
                 float* y) {
  LAYERD_SAME_OR_APART
  for (int64_t i = 0; i < count; ++i) {
    y[i] = taps.weight[i] * x[taps.from[i]];
  }
  for (int64_t t = 1; t < taps.taps; ++t) {
    const int32_t* const from = taps.from + t * count;
    const float* const weight = taps.weight + t * count;
    LAYERD_SAME_OR_APART
    for (int64_t i = 0; i < count; ++i) y[i] += weight[i] * x[from[i]];
  }
}

LAYERD_MULTIVERSION
void RepeatElements(const float* x, int64_t times, int64_t count, float* y) {
  const int64_t whole = count / times;
  if (times == 2) {
    LAYERD_SAME_OR_APART
    for (int64_t i = 0; i < whole; ++i) {
      y[2 * i] = x[i];
      y[2 * i + 1] = x[i];
    }
  } else {
    for (int64_t i = 0; i < whole; ++i) {
      std::fill(y + i * times, y + (i + 1) * times, x[i]);
    }
  }
  if (whole * times < count) {
    std::fill(y + whole * times, y + count, x[whole]);
  }
}

LAYERD_MULTIVERSION
void MixPixels(const float* x, const PixelTaps& taps, int64_t count,
               int64_t channels, float* y, int64_t y_step) {
  const Pixels pixels{x, taps, count, channels, y, y_step};
  if (channels >= LongVector::kCount && HasLongVectors()) {
    return MixBy<LongVector::kCount>(pixels);
  }
  if (channels >= ShortVector::kCount)
    return MixBy<ShortVector::kCount>(pixels);
  if (channels >= 4) return MixBy<4>(pixels);
  MixBy<1>(pixels);
}

}  // namespace layerd::cpu
