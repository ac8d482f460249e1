#include <algorithm>
#include <limits>

#include "kernels/cpu/lanes.h"
#include "kernels/cpu/multiversion.h"
#include "kernels/cpu/rows.h"

namespace layerd::cpu {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Plus {
  static constexpr float kStart = 0;
  LAYERD_INLINE float operator()(float a, float b) const { return a + b; }
};
struct Times {
  static constexpr float kStart = 1;
  LAYERD_INLINE float operator()(float a, float b) const { return a * b; }
};
// What is not a number is handed on.
struct Larger {
  static constexpr float kStart = -kInfinity;
  LAYERD_INLINE float operator()(float a, float b) const {
    return a > b || a != a ? a : b;
  }
};
struct Smaller {
  static constexpr float kStart = kInfinity;
  LAYERD_INLINE float operator()(float a, float b) const {
    return a < b || a != a ? a : b;
  }
};

template <typename Join>
LAYERD_INLINE float Together(Join join, const float* x, int64_t stride,
                             int64_t count) {
  float lane[kLanes];
  std::fill(lane, lane + kLanes, Join::kStart);
  int64_t i = 0;
  if (stride == 1) {
    for (; i + kLanes <= count; i += kLanes) {
      for (int64_t j = 0; j < kLanes; ++j) lane[j] = join(lane[j], x[i + j]);
    }
  }
  for (; i < count; ++i) {
    lane[i % kLanes] = join(lane[i % kLanes], x[i * stride]);
  }
  float all = lane[0];
  for (int64_t j = 1; j < kLanes; ++j) all = join(all, lane[j]);
  return all;
}

template <typename Join>
LAYERD_INLINE void Onto(Join join, const float* x, float* y, int64_t count) {
  LAYERD_SAME_OR_APART
  for (int64_t i = 0; i < count; ++i) y[i] = join(y[i], x[i]);
}

LAYERD_MULTIVERSION
float SumRow(const float* x, int64_t stride, int64_t count) {
  return Together(Plus{}, x, stride, count);
}
LAYERD_MULTIVERSION
float ProductRow(const float* x, int64_t stride, int64_t count) {
  return Together(Times{}, x, stride, count);
}
LAYERD_MULTIVERSION
float MostRow(const float* x, int64_t stride, int64_t count) {
  return Together(Larger{}, x, stride, count);
}
LAYERD_MULTIVERSION
float LeastRow(const float* x, int64_t stride, int64_t count) {
  return Together(Smaller{}, x, stride, count);
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
