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
LAYERD_INLINE Lanes ExpOfNegative(const Lanes& x) {
  constexpr float kLog2E = 1.44269504f;
  constexpr float kLn2Head = 0.693359375f;  // Exact times any n.
  constexpr float kLn2Rest = -2.12194440e-4f;
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds.
  constexpr int32_t kBias = 127;
  const Lanes rounded = x * kLog2E + kRound;
  const Lanes n = rounded - kRound;
  const Lanes r = (x - n * kLn2Head) - n * kLn2Rest;
  const Lanes q =
      0.5f +
      r * (0.166665182f +
           r * (0.0416662060f + r * (0.00836895406f + r * 0.00139506010f)));
  const auto power = std::bit_cast<Lanes>(
      (std::bit_cast<IntegerLanes>(rounded) + kBias) << 23);
  const Lanes y = (1.0f + (r + r * r * q)) * power;
  return x < -87.0f ? Lanes{} : y;
}

// What is left of a row behind its whole vectors: the last lanes of the vector
// that ends with the row.
class RowEnd {
 public:
  LAYERD_INLINE RowEnd(const float* x, int64_t count)
      : rest_(count % kLanes), begin_(count - kLanes) {
    const IntegerLanes lane = {0, 1, 2,  3,  4,  5,  6,  7,
                               8, 9, 10, 11, 12, 13, 14, 15};
    is_own_ = lane >= static_cast<int32_t>(kLanes - rest_);
    if (begin_ >= 0) {
      x_ = Load(x + begin_);
      return;
    }
    float all[kLanes] = {};
    for (int64_t j = 0; j < rest_; ++j) all[kLanes - rest_ + j] = x[j];
    x_ = Load(all);
  }

  LAYERD_INLINE Lanes x(float of_others) const {
    return is_own_ ? x_ : Lanes{} + of_others;
  }
  // REQUIRES: whole vectors of y are there already.
  LAYERD_INLINE void PutInto(float* y, const Lanes& value) const {
    if (begin_ >= 0) {
      return Put(y + begin_, is_own_ ? value : Load(y + begin_));
    }
    float all[kLanes];
    Put(all, value);
    for (int64_t j = 0; j < rest_; ++j) y[j] = all[kLanes - rest_ + j];
  }

 private:
  const int64_t rest_, begin_;
  IntegerLanes is_own_;
  Lanes x_;
};

// The sum of function(x) of a row, in four times as many lanes.
template <typename Function>
LAYERD_INLINE float SumOfRow(Function function, const float* x, int64_t count) {
  Lanes sum[4] = {};
  const int64_t whole = count / kLanes * kLanes;
  int64_t i = 0;
  for (; i + 4 * kLanes <= whole; i += 4 * kLanes) {
    for (int64_t s = 0; s < 4; ++s) {
      sum[s] += function(Load(x + i + s * kLanes));
    }
  }
  for (; i < whole; i += kLanes) sum[0] += function(Load(x + i));
  float all = SumOf((sum[0] + sum[1]) + (sum[2] + sum[3]));
  for (; i < count; ++i) all += function(Lanes{} + x[i])[0];
  return all;
}

struct Itself {
  LAYERD_INLINE Lanes operator()(const Lanes& x) const { return x; }
};
struct SquaredDistance {
  float mean;
  LAYERD_INLINE Lanes operator()(const Lanes& x) const {
    const Lanes distance = x - mean;
    return distance * distance;
  }
};

LAYERD_INLINE float Normal(float mean, float factor, float x) {
  return (x - mean) * factor;
}

}  // namespace

LAYERD_MULTIVERSION
void LayerNormRow(float epsilon, const float* x, const float* scale,
                  const float* bias, float* y, int64_t count) {
  const auto elements = static_cast<float>(count);
  const float mean = SumOfRow(Itself{}, x, count) / elements;
  const float variance = SumOfRow(SquaredDistance{mean}, x, count) / elements;
  const float factor = 1.0f / std::sqrt(variance + epsilon);
  if (scale != nullptr && bias != nullptr) {
    LAYERD_SAME_OR_APART
    for (int64_t i = 0; i < count; ++i) {
      y[i] = Normal(mean, factor, x[i]) * scale[i] + bias[i];
    }
    return;
  }
  if (scale == nullptr && bias == nullptr) {
    LAYERD_SAME_OR_APART
    for (int64_t i = 0; i < count; ++i) y[i] = Normal(mean, factor, x[i]);
    return;
  }
  for (int64_t i = 0; i < count; ++i) {
    const float normal = Normal(mean, factor, x[i]);
    const float scaled = scale != nullptr ? normal * scale[i] : normal;
    y[i] = bias != nullptr ? scaled + bias[i] : scaled;
  }
}

LAYERD_MULTIVERSION
void SoftmaxRow(const float* x, float* y, int64_t count) {
  const int64_t whole = count / kLanes * kLanes;
  const RowEnd end(x, count);
  Lanes most = end.x(-kInfinity);
  for (int64_t i = 0; i < whole; i += kLanes)
    most = LargerOf(Load(x + i), most);
  const float shift = MostOf(most);
  Lanes last = ExpOfNegative(end.x(-kInfinity) - shift);
  Lanes sum = last;
  for (int64_t i = 0; i < whole; i += kLanes) {
    const Lanes value = ExpOfNegative(Load(x + i) - shift);
    Put(y + i, value);
    sum += value;
  }
  const float factor = 1.0f / SumOf(sum);
  for (int64_t i = 0; i < whole; i += kLanes) Put(y + i, Load(y + i) * factor);
  end.PutInto(y, last * factor);
}

}  // namespace layerd::cpu
