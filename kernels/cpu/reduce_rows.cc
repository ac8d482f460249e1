#include <algorithm>
#include <bit>
#include <limits>

#include "kernels/cpu/lanes.h"
#include "kernels/cpu/multiversion.h"
#include "kernels/cpu/rows.h"

namespace layerd::cpu {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Each of two numbers, or of two vectors of them.
struct Plus {
  static constexpr float kStart = 0;
  template <typename T>
  LAYERD_INLINE T operator()(const T& a, const T& b) const {
    return a + b;
  }
};
struct Times {
  static constexpr float kStart = 1;
  template <typename T>
  LAYERD_INLINE T operator()(const T& a, const T& b) const {
    return a * b;
  }
};
// What is not a number is handed on, but not by vectors.
struct Larger {
  static constexpr float kStart = -kInfinity;
  LAYERD_INLINE float operator()(float a, float b) const {
    return a > b || a != a ? a : b;
  }
  template <typename Floats>
  LAYERD_INLINE Floats operator()(const Floats& a, const Floats& b) const {
    return a > b ? a : b;
  }
};
struct Smaller {
  static constexpr float kStart = kInfinity;
  LAYERD_INLINE float operator()(float a, float b) const {
    return a < b || a != a ? a : b;
  }
  template <typename Floats>
  LAYERD_INLINE Floats operator()(const Floats& a, const Floats& b) const {
    return a < b ? a : b;
  }
};

// Calls join(s, p, vector) for the pieces of a row's whole lanes, which are
// dealt out to four times as many: what is joined waits for what was.
template <typename Vector, typename Join>
LAYERD_INLINE void ForPieces(Join join, const float* x, int64_t count) {
  int64_t i = 0;
  for (; i + 4 * kLanes <= count; i += 4 * kLanes) {
    for (int64_t s = 0; s < 4; ++s) {
      for (int64_t p = 0; p < kPieces<Vector>; ++p) {
        join(s, p, Vector::Load(x + i + s * kLanes + p * Vector::kCount));
      }
    }
  }
  for (; i + kLanes <= count; i += kLanes) {
    for (int64_t p = 0; p < kPieces<Vector>; ++p) {
      join(0, p, Vector::Load(x + i + p * Vector::kCount));
    }
  }
}

template <typename Vector, typename Join>
LAYERD_INLINE void JoinRow(Join join, const float* x, int64_t count,
                           float (&lane)[kLanes]) {
  using Floats = typename Vector::Floats;
  Floats all[4][kPieces<Vector>];
  for (auto& pieces : all) {
    for (Floats& piece : pieces) piece = Floats{} + Join::kStart;
  }
  ForPieces<Vector>(
      [&](int64_t s, int64_t p, const Floats& value) __attribute__((
          always_inline)) { all[s][p] = join(all[s][p], value); },
      x, count);
  for (int64_t p = 0; p < kPieces<Vector>; ++p) {
    Vector::Put(lane + p * Vector::kCount,
                join(join(all[0][p], all[1][p]), join(all[2][p], all[3][p])));
  }
}

template <typename Vector, typename Join>
LAYERD_INLINE float Together(Join join, const float* x, int64_t stride,
                             int64_t count) {
  float lane[kLanes];
  int64_t i = 0;
  if (stride == 1) {
    JoinRow<Vector>(join, x, count, lane);
    i = count / kLanes * kLanes;
  } else {
    std::fill(lane, lane + kLanes, Join::kStart);
  }
  for (; i < count; ++i) {
    lane[i % kLanes] = join(lane[i % kLanes], x[i * stride]);
  }
  float all = lane[0];
  for (int64_t j = 1; j < kLanes; ++j) all = join(all, lane[j]);
  return all;
}

// Without its sign, what is not a number is larger than infinity as an integer.
template <typename Vector>
LAYERD_INLINE bool HasNoNumber(const float* x, int64_t count) {
  using Integers = typename Vector::Integers;
  Integers most[4][kPieces<Vector>] = {};
  ForPieces<Vector>(
      [&](int64_t s, int64_t p, const typename Vector::Floats& value)
          __attribute__((always_inline)) {
            const Integers bits = std::bit_cast<Integers>(value) & 0x7fffffff;
            most[s][p] = bits > most[s][p] ? bits : most[s][p];
          },
      x, count);
  bool has = false;
  for (const auto& pieces : most) {
    for (const Integers& each : pieces) {
      for (int64_t j = 0; j < Vector::kCount; ++j) has |= each[j] > 0x7f800000;
    }
  }
  return has;
}

// In pieces that are still in the first-level cache when they are looked at
// again.
template <typename Vector, typename Join>
LAYERD_INLINE float Extreme(Join join, const float* x, int64_t stride,
                            int64_t count) {
  if (stride != 1) return Together<Vector>(join, x, stride, count);
  constexpr int64_t kPiece = 4096;
  float all = Join::kStart;
  for (int64_t first = 0; first < count; first += kPiece) {
    const int64_t size = std::min(kPiece, count - first);
    if (HasNoNumber<Vector>(x + first, size)) {
      return std::numeric_limits<float>::quiet_NaN();
    }
    all = join(all, Together<Vector>(join, x + first, 1, size));
  }
  return all;
}

template <typename Join>
LAYERD_INLINE void Onto(Join join, const float* x, float* y, int64_t count) {
  LAYERD_SAME_OR_APART
  for (int64_t i = 0; i < count; ++i) y[i] = join(y[i], x[i]);
}

LAYERD_MULTIVERSION
float SumRow(const float* x, int64_t stride, int64_t count) {
  return HasLongVectors() ? Together<LongVector>(Plus{}, x, stride, count)
                          : Together<ShortVector>(Plus{}, x, stride, count);
}
LAYERD_MULTIVERSION
float ProductRow(const float* x, int64_t stride, int64_t count) {
  return HasLongVectors() ? Together<LongVector>(Times{}, x, stride, count)
                          : Together<ShortVector>(Times{}, x, stride, count);
}
LAYERD_MULTIVERSION
float MostRow(const float* x, int64_t stride, int64_t count) {
  return HasLongVectors() ? Extreme<LongVector>(Larger{}, x, stride, count)
                          : Extreme<ShortVector>(Larger{}, x, stride, count);
}
LAYERD_MULTIVERSION
float LeastRow(const float* x, int64_t stride, int64_t count) {
  return HasLongVectors() ? Extreme<LongVector>(Smaller{}, x, stride, count)
                          : Extreme<ShortVector>(Smaller{}, x, stride, count);
}

LAYERD_MULTIVERSION
void OntoSum(const float* x, float* y, int64_t count) {
  Onto(Plus{}, x, y, count);
}
LAYERD_MULTIVERSION
void OntoProduct(const float* x, float* y, int64_t count) {
  Onto(Times{}, x, y, count);
}
LAYERD_MULTIVERSION
void OntoMost(const float* x, float* y, int64_t count) {
  Onto(Larger{}, x, y, count);
}
LAYERD_MULTIVERSION
void OntoLeast(const float* x, float* y, int64_t count) {
  Onto(Smaller{}, x, y, count);
}

}  // namespace

LAYERD_MULTIVERSION
void ScaledRow(float factor, const float* x, float* y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) y[i] = factor * x[i];
}

LAYERD_MULTIVERSION
void AddScaledRow(float factor, const float* x, float* y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) y[i] += factor * x[i];
}

float StartOf(Reduce::Kind kind) {
  switch (kind) {
    case Reduce::Kind::kProduct:
      return Times::kStart;
    case Reduce::Kind::kMax:
      return Larger::kStart;
    case Reduce::Kind::kMin:
      return Smaller::kStart;
    default:
      return Plus::kStart;
  }
}

float Reduced(Reduce::Kind kind, float a, float b) {
  switch (kind) {
    case Reduce::Kind::kProduct:
      return Times{}(a, b);
    case Reduce::Kind::kMax:
      return Larger{}(a, b);
    case Reduce::Kind::kMin:
      return Smaller{}(a, b);
    default:
      return Plus{}(a, b);
  }
}

float ReduceRow(Reduce::Kind kind, const float* x, int64_t stride,
                int64_t count) {
  switch (kind) {
    case Reduce::Kind::kProduct:
      return ProductRow(x, stride, count);
    case Reduce::Kind::kMax:
      return MostRow(x, stride, count);
    case Reduce::Kind::kMin:
      return LeastRow(x, stride, count);
    default:
      return SumRow(x, stride, count);
  }
}

void AccumulateRow(Reduce::Kind kind, const float* x, float* y, int64_t count) {
  switch (kind) {
    case Reduce::Kind::kProduct:
      return OntoProduct(x, y, count);
    case Reduce::Kind::kMax:
      return OntoMost(x, y, count);
    case Reduce::Kind::kMin:
      return OntoLeast(x, y, count);
    default:
      return OntoSum(x, y, count);
  }
}

}  // namespace layerd::cpu
