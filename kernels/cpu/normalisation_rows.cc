#include <bit>
#include <cmath>
#include <limits>

#include "kernels/cpu/lanes.h"
#include "kernels/cpu/multiversion.h"
#include "kernels/cpu/rows.h"

namespace layerd::cpu {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// exp(x) for x <= 0, as vector_math.h has it, but that the power of two comes
// out of the addition that rounds.
template <typename Vector>
LAYERD_INLINE auto ExpOfNegative(const typename Vector::Floats& x) {
  using Floats = typename Vector::Floats;
  constexpr float kLog2E = 1.44269504f;
  constexpr float kLn2Head = 0.693359375f;  // Exact times any n.
  constexpr float kLn2Rest = -2.12194440e-4f;
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds.
  constexpr int32_t kBias = 127;
  const Floats rounded = x * kLog2E + kRound;
  const Floats n = rounded - kRound;
  const Floats r = (x - n * kLn2Head) - n * kLn2Rest;
  const Floats q =
      0.5f +
      r * (0.166665182f +
           r * (0.0416662060f + r * (0.00836895406f + r * 0.00139506010f)));
  const auto power = std::bit_cast<Floats>(
      (std::bit_cast<typename Vector::Integers>(rounded) + kBias) << 23);
  const Floats y = (1.0f + (r + r * r * q)) * power;
  return x < -87.0f ? Floats{} : y;
}

// Halves are joined until one lane is left.
template <typename Vector, typename Join>
LAYERD_INLINE float JoinedPieces(
    Join join, const typename Vector::Floats (&piece)[kPieces<Vector>]) {
  float all[kLanes];
  for (int64_t p = 0; p < kPieces<Vector>; ++p) {
    Vector::Put(all + p * Vector::kCount, piece[p]);
  }
  for (int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (int64_t j = 0; j < half; ++j) all[j] = join(all[j], all[j + half]);
  }
  return all[0];
}
struct Added {
  LAYERD_INLINE float operator()(float a, float b) const { return a + b; }
};
struct TheLarger {
  template <typename T>
  LAYERD_INLINE T operator()(const T& a, const T& b) const {
    return a > b ? a : b;
  }
};

// What is left of a row behind its whole vectors: the last lanes of those that
// end with the row.
template <typename Vector>
class RowEnd {
 public:
  using Floats = typename Vector::Floats;

  LAYERD_INLINE RowEnd(const float* x, int64_t count)
      : rest_(count % kLanes), begin_(count - kLanes) {
    float few[kLanes] = {};
    for (int64_t j = 0; begin_ < 0 && j < rest_; ++j) {
      few[kLanes - rest_ + j] = x[j];
    }
    const float* const from = begin_ < 0 ? few : x + begin_;
    for (int64_t p = 0; p < kPieces<Vector>; ++p) {
      x_[p] = Vector::Load(from + p * Vector::kCount);
    }
  }

  LAYERD_INLINE Floats At(int64_t p, float of_others) const {
    return Pick(p, x_[p], Floats{} + of_others);
  }
  // REQUIRES: whole vectors of y are there already.
  LAYERD_INLINE void PutInto(float* y, const Floats (&value)[kPieces<Vector>],
                             float factor) const {
    float all[kLanes];
    float* const to = begin_ < 0 ? all : y + begin_;
    for (int64_t p = 0; p < kPieces<Vector>; ++p) {
      float* const own = to + p * Vector::kCount;
      const Floats before = begin_ < 0 ? Floats{} : Vector::Load(own);
      Vector::Put(own, Pick(p, value[p] * factor, before));
    }
    if (begin_ >= 0) return;
    for (int64_t j = 0; j < rest_; ++j) y[j] = all[kLanes - rest_ + j];
  }

 private:
  // Piece `p` of `own` at the row's end, of `others` before it. By bits: GCC 14
  // crashes on a comparison here.
  LAYERD_INLINE Floats Pick(int64_t p, Floats own, Floats others) const {
    using Integers = typename Vector::Integers;
    Integers lane;
    for (int64_t j = 0; j < Vector::kCount; ++j) {
      lane[j] = static_cast<int32_t>(p * Vector::kCount + j);
    }
    const auto before_own = static_cast<int32_t>(kLanes - rest_) - 1;
    const Integers is_own = (before_own - lane) >> 31;
    return std::bit_cast<Floats>((is_own & std::bit_cast<Integers>(own)) |
                                 (~is_own & std::bit_cast<Integers>(others)));
  }

  const int64_t rest_, begin_;
  Floats x_[kPieces<Vector>];
};

// The sum of function(x) of a row, in four times as many lanes.
template <typename Vector, typename Function>
LAYERD_INLINE float SumOfRow(Function function, const float* x, int64_t count) {
  constexpr int64_t kCount = Vector::kCount;
  typename Vector::Floats sum[4][kPieces<Vector>] = {};
  const int64_t whole = count / kLanes * kLanes;
  const auto add = [&](int64_t s, const float* from)
      __attribute__((always_inline)) {
    for (int64_t p = 0; p < kPieces<Vector>; ++p) {
      sum[s][p] += function(Vector::Load(from + p * kCount));
    }
  };
  int64_t i = 0;
  for (; i + 4 * kLanes <= whole; i += 4 * kLanes) {
    for (int64_t s = 0; s < 4; ++s) add(s, x + i + s * kLanes);
  }
  for (; i < whole; i += kLanes) add(0, x + i);
  for (int64_t p = 0; p < kPieces<Vector>; ++p) {
    sum[0][p] = (sum[0][p] + sum[1][p]) + (sum[2][p] + sum[3][p]);
  }
  float all = JoinedPieces<Vector>(Added{}, sum[0]);
  for (; i < count; ++i) all += function(x[i]);
  return all;
}

struct Itself {
  template <typename T>
  LAYERD_INLINE T operator()(const T& x) const {
    return x;
  }
};
struct SquaredDistance {
  float mean;
  template <typename T>
  LAYERD_INLINE T operator()(const T& x) const {
    const T distance = x - mean;
    return distance * distance;
  }
};

LAYERD_INLINE float Normal(float mean, float factor, float x) {
  return (x - mean) * factor;
}

// The mean of a row, and one over its deviation.
struct Moments {
  float mean, factor;
};
template <typename Vector>
LAYERD_INLINE Moments MomentsOf(const LayerNorm& op, const float* x,
                                int64_t count) {
  const auto elements = static_cast<float>(count);
  const float mean =
      op.keeps_mean ? 0 : SumOfRow<Vector>(Itself{}, x, count) / elements;
  const float variance =
      SumOfRow<Vector>(SquaredDistance{mean}, x, count) / elements;
  return {mean, 1.0f / std::sqrt(variance + op.epsilon)};
}

template <typename Vector>
LAYERD_INLINE void SoftmaxBy(const float* x, float* y, int64_t count) {
  using Floats = typename Vector::Floats;
  constexpr int64_t kCount = Vector::kCount, kAll = kPieces<Vector>;
  const int64_t whole = count / kLanes * kLanes;
  const RowEnd<Vector> end(x, count);
  Floats most[kAll], last[kAll], sum[kAll];
  for (int64_t p = 0; p < kAll; ++p) most[p] = end.At(p, -kInfinity);
  for (int64_t i = 0; i < whole; i += kLanes) {
    for (int64_t p = 0; p < kAll; ++p) {
      most[p] = TheLarger{}(Vector::Load(x + i + p * kCount), most[p]);
    }
  }
  const float shift = JoinedPieces<Vector>(TheLarger{}, most);
  for (int64_t p = 0; p < kAll; ++p) {
    last[p] = ExpOfNegative<Vector>(end.At(p, -kInfinity) - shift);
    sum[p] = last[p];
  }
  for (int64_t i = 0; i < whole; i += kLanes) {
    for (int64_t p = 0; p < kAll; ++p) {
      const int64_t at = i + p * kCount;
      const Floats value = ExpOfNegative<Vector>(Vector::Load(x + at) - shift);
      Vector::Put(y + at, value);
      sum[p] += value;
    }
  }
  const float factor = 1.0f / JoinedPieces<Vector>(Added{}, sum);
  for (int64_t i = 0; i < whole; i += kCount) {
    Vector::Put(y + i, Vector::Load(y + i) * factor);
  }
  end.PutInto(y, last, factor);
}

// Fewer channels than a vector has. Of single floats GCC makes other sums: it
// multiplies several at a time, and adds them one by one.
template <typename Vector>
struct Few {
  static constexpr int64_t kCount = Vector::kCount;
  using Floats = typename Vector::Floats;
  int64_t channels;

  LAYERD_INLINE Floats Load(const float* from) const {
    float all[kCount] = {};
    for (int64_t j = 0; j < channels; ++j) all[j] = from[j];
    return Vector::Load(all);
  }
  LAYERD_INLINE void Put(float* to, const Floats& value) const {
    float all[kCount];
    Vector::Put(all, value);
    for (int64_t j = 0; j < channels; ++j) to[j] = all[j];
  }
};

// Of kVectors of channels, from one on. `own` loads and puts them.
template <typename Vector, int kVectors, typename Own>
LAYERD_INLINE void MomentsOfChannels(const PixelRows& rows, int64_t channel,
                                     const Own& own, float* mean,
                                     float* squares) {
  using Floats = typename Vector::Floats;
  Floats sum[kVectors] = {}, square[kVectors] = {};
  const float* x = rows.x + channel;
  for (int64_t p = 0; p < rows.pixels; ++p, x += rows.x_step) {
    for (int v = 0; v < kVectors; ++v) {
      sum[v] += own.Load(x + v * Vector::kCount);
    }
  }
  const auto pixels = static_cast<float>(rows.pixels);
  for (int v = 0; v < kVectors; ++v) sum[v] = sum[v] / pixels;
  x = rows.x + channel;
  for (int64_t p = 0; p < rows.pixels; ++p, x += rows.x_step) {
    for (int v = 0; v < kVectors; ++v) {
      const Floats distance = own.Load(x + v * Vector::kCount) - sum[v];
      square[v] += distance * distance;
    }
  }
  for (int v = 0; v < kVectors; ++v) {
    own.Put(mean + channel + v * Vector::kCount, sum[v]);
    own.Put(squares + channel + v * Vector::kCount, square[v]);
  }
}

template <typename Vector>
LAYERD_INLINE void MomentsBy(const PixelRows& rows, float* mean,
                             float* squares) {
  constexpr int64_t kCount = Vector::kCount;
  int64_t c = 0;
  for (; c + 2 * kCount <= rows.channels; c += 2 * kCount) {
    MomentsOfChannels<Vector, 2>(rows, c, Vector{}, mean, squares);
  }
  for (; c + kCount <= rows.channels; c += kCount) {
    MomentsOfChannels<Vector, 1>(rows, c, Vector{}, mean, squares);
  }
  if (c == rows.channels) return;
  const Few<Vector> last{rows.channels - c};
  MomentsOfChannels<Vector, 1>(rows, c, last, mean, squares);
}

}  // namespace

LAYERD_MULTIVERSION
void MomentsOfPixels(const PixelRows& rows, float* mean, float* squares) {
  HasLongVectors() ? MomentsBy<LongVector>(rows, mean, squares)
                   : MomentsBy<ShortVector>(rows, mean, squares);
}

LAYERD_MULTIVERSION
void NormalisePixels(const PixelRows& rows, const float* mean,
                     const float* factor, float* y, int64_t y_step) {
  const float* x = rows.x;
  for (int64_t p = 0; p < rows.pixels; ++p, x += rows.x_step, y += y_step) {
    LAYERD_SAME_OR_APART
    for (int64_t c = 0; c < rows.channels; ++c) {
      y[c] = Normal(mean[c], factor[c], x[c]);
    }
  }
}

LAYERD_MULTIVERSION
void LayerNormRow(const LayerNorm& op, const float* x, const float* scale,
                  const float* bias, float* y, int64_t count) {
  const auto [mean, factor] = HasLongVectors()
                                  ? MomentsOf<LongVector>(op, x, count)
                                  : MomentsOf<ShortVector>(op, x, count);
  if (scale != nullptr && bias != nullptr) {
    LAYERD_SAME_OR_APART
    for (int64_t i = 0; i < count; ++i) {
      y[i] = Normal(mean, factor, x[i]) * scale[i] + bias[i];
    }
    return;
  }
  if (scale != nullptr) {
    LAYERD_SAME_OR_APART
    for (int64_t i = 0; i < count; ++i) {
      y[i] = Normal(mean, factor, x[i]) * scale[i];
    }
    return;
  }
  if (bias == nullptr) {
    LAYERD_SAME_OR_APART
    for (int64_t i = 0; i < count; ++i) y[i] = Normal(mean, factor, x[i]);
    return;
  }
  LAYERD_SAME_OR_APART
  for (int64_t i = 0; i < count; ++i) {
    y[i] = Normal(mean, factor, x[i]) + bias[i];
  }
}

LAYERD_MULTIVERSION
void SoftmaxRow(const float* x, float* y, int64_t count) {
  HasLongVectors() ? SoftmaxBy<LongVector>(x, y, count)
                   : SoftmaxBy<ShortVector>(x, y, count);
}

}  // namespace layerd::cpu
