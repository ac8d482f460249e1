#include "kernels/cpu/rows.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/cpu/multiversion.h"

namespace layerd::cpu {
namespace {

#define LAYERD_INLINE inline __attribute__((always_inline))

// Sums and maxima run in this many lanes, whatever the vectors' length.
constexpr int64_t kLanes = 16;

// exp(x) = 2^n * exp(r), |r| <= ln(2) / 2. Coefficients: our own fit, 3e-9.
LAYERD_INLINE float Exp(float x) {
  constexpr float kLog2E = 1.44269504f;
  constexpr float kLn2Head = 0.693359375f;  // Exact times any n.
  constexpr float kLn2Rest = -2.12194440e-4f;
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds.
  const float low = x < -87.0f ? -87.0f : x;
  const float clamped = low > 88.0f ? 88.0f : low;
  const float n = (clamped * kLog2E + kRound) - kRound;
  const float r = (clamped - n * kLn2Head) - n * kLn2Rest;
  const float q =
      0.5f +
      r * (0.166665182f +
           r * (0.0416662060f + r * (0.00836895406f + r * 0.00139506010f)));
  const float fraction = 1.0f + (r + r * r * q);
  const int32_t exponent = static_cast<int32_t>(n) + 127;
  const float power = std::bit_cast<float>(exponent << 23);
  return x < -87.0f ? 0.0f : fraction * power;
}

LAYERD_INLINE float Sigmoid(float x) {
  const float e = Exp(x < 0 ? x : -x);  // Of -|x|: never overflows.
  return (x < 0 ? e : 1.0f) / (1.0f + e);
}

LAYERD_INLINE float Tanh(float x) {
  const float size = x < 0 ? -x : x;
  const float e = Exp(-2.0f * size);
  const float far = (1.0f - e) / (1.0f + e);
  // Our own fit for |x| <= 5/8, 2e-10: near zero the quotient loses digits.
  const float z = x * x;
  const float p =
      -0.333333313f +
      z * (0.133332103f + z * (-0.0539472029f +
                               z * (0.0217029694f + z * (-0.00818267744f +
                                                         z * 0.00214753998f))));
  const float near = x + x * z * p;
  return size <= 0.625f ? near : (x < 0 ? -far : far);
}

LAYERD_MULTIVERSION
void ReluRow(const float* x, float* y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) y[i] = x[i] < 0 ? 0.0f : x[i];
}

LAYERD_MULTIVERSION
void ClipRow(float low, float high, const float* x, float* y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const float raised = x[i] < low ? low : x[i];
    y[i] = raised > high ? high : raised;
  }
}

LAYERD_MULTIVERSION
void LeakyRow(float slope, const float* x, float* y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) y[i] = x[i] < 0 ? slope * x[i] : x[i];
}

LAYERD_MULTIVERSION
void SigmoidRow(const float* x, float* y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) y[i] = Sigmoid(x[i]);
}

LAYERD_MULTIVERSION
void TanhRow(const float* x, float* y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) y[i] = Tanh(x[i]);
}

struct Plus {
  LAYERD_INLINE float operator()(float a, float b) const { return a + b; }
};
struct Minus {
  LAYERD_INLINE float operator()(float a, float b) const { return a - b; }
};
struct Times {
  LAYERD_INLINE float operator()(float a, float b) const { return a * b; }
};
struct Over {
  LAYERD_INLINE float operator()(float a, float b) const { return a / b; }
};

template <typename Combine>
LAYERD_INLINE void Combined(Combine combine, const float* a, int64_t a_stride,
                            const float* b, int64_t b_stride, float* y,
                            int64_t count) {
  if (a_stride == 1 && b_stride == 1) {
    for (int64_t i = 0; i < count; ++i) y[i] = combine(a[i], b[i]);
  } else if (a_stride == 1 && b_stride == 0) {
    const float right = *b;
    for (int64_t i = 0; i < count; ++i) y[i] = combine(a[i], right);
  } else if (a_stride == 0 && b_stride == 1) {
    const float left = *a;
    for (int64_t i = 0; i < count; ++i) y[i] = combine(left, b[i]);
  } else {
    for (int64_t i = 0; i < count; ++i) {
      y[i] = combine(a[i * a_stride], b[i * b_stride]);
    }
  }
}

LAYERD_MULTIVERSION
void PlusRow(const float* a, int64_t a_stride, const float* b, int64_t b_stride,
             float* y, int64_t count) {
  Combined(Plus{}, a, a_stride, b, b_stride, y, count);
}

LAYERD_MULTIVERSION
void MinusRow(const float* a, int64_t a_stride, const float* b,
              int64_t b_stride, float* y, int64_t count) {
  Combined(Minus{}, a, a_stride, b, b_stride, y, count);
}

LAYERD_MULTIVERSION
void TimesRow(const float* a, int64_t a_stride, const float* b,
              int64_t b_stride, float* y, int64_t count) {
  Combined(Times{}, a, a_stride, b, b_stride, y, count);
}

LAYERD_MULTIVERSION
void OverRow(const float* a, int64_t a_stride, const float* b, int64_t b_stride,
             float* y, int64_t count) {
  Combined(Over{}, a, a_stride, b, b_stride, y, count);
}

LAYERD_MULTIVERSION
float MaxOf(const float* x, int64_t count) {
  float lane[kLanes];
  std::fill(lane, lane + kLanes, -std::numeric_limits<float>::infinity());
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int64_t j = 0; j < kLanes; ++j) {
      lane[j] = x[i + j] < lane[j] ? lane[j] : x[i + j];
    }
  }
  for (; i < count; ++i) lane[0] = x[i] < lane[0] ? lane[0] : x[i];
  float most = lane[0];
  for (const float value : lane) most = value < most ? most : value;
  return most;
}

LAYERD_MULTIVERSION
void ExpRow(float shift, const float* x, float* y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) y[i] = Exp(x[i] - shift);
}

LAYERD_MULTIVERSION
float SumOf(const float* x, int64_t count) {
  float lane[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int64_t j = 0; j < kLanes; ++j) lane[j] += x[i + j];
  }
  for (int64_t j = 0; i < count; ++i, ++j) lane[j] += x[i];
  float sum = 0;
  for (const float value : lane) sum += value;
  return sum;
}

LAYERD_MULTIVERSION
void DivideByPower34Row(float k, float factor, const float* x, float* y,
                        int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const float root = __builtin_sqrtf(k + factor * y[i]);
    y[i] = x[i] / (root * __builtin_sqrtf(root));
  }
}

}  // namespace

void ActivateRow(const Activation& activation, const float* x, float* y,
                 int64_t count) {
  switch (activation.kind) {
    case ActivationKind::kNone:
      if (x != y) CopyRow(x, y, count);
      return;
    case ActivationKind::kRelu:
      return ReluRow(x, y, count);
    case ActivationKind::kClip:
      return ClipRow(activation.alpha, activation.beta, x, y, count);
    case ActivationKind::kLeakyRelu:
      return LeakyRow(activation.alpha, x, y, count);
    case ActivationKind::kSigmoid:
      return SigmoidRow(x, y, count);
    case ActivationKind::kTanh:
      return TanhRow(x, y, count);
  }
}

void BinaryRow(Binary::Kind kind, const float* a, int64_t a_stride,
               const float* b, int64_t b_stride, float* y, int64_t count) {
  switch (kind) {
    case Binary::Kind::kAdd:
      return PlusRow(a, a_stride, b, b_stride, y, count);
    case Binary::Kind::kSub:
      return MinusRow(a, a_stride, b, b_stride, y, count);
    case Binary::Kind::kMul:
      return TimesRow(a, a_stride, b, b_stride, y, count);
    case Binary::Kind::kDiv:
      return OverRow(a, a_stride, b, b_stride, y, count);
  }
}

LAYERD_MULTIVERSION
void AddClampRows(const StridedRows& rows, float low, float high) {
  const int64_t count = rows.count;
  for (int64_t row = 0; row < rows.rows; ++row) {
    const float* a = rows.a + row * rows.a_step;
    const float* b = rows.b + row * rows.b_step;
    float* y = rows.y + row * rows.y_step;
    LAYERD_SAME_OR_APART
    for (int64_t i = 0; i < count; ++i) {
      const float sum = a[i] + b[i];
      const float raised = sum < low ? low : sum;
      y[i] = raised > high ? high : raised;
    }
  }
}

LAYERD_MULTIVERSION
void ScaleShiftRow(const float* x, const float* scale, const float* shift,
                   int64_t stride, float* y, int64_t count) {
  if (stride == 1) {
    for (int64_t i = 0; i < count; ++i) y[i] = x[i] * scale[i] + shift[i];
    return;
  }
  const float one_scale = *scale;
  const float one_shift = *shift;
  for (int64_t i = 0; i < count; ++i) y[i] = x[i] * one_scale + one_shift;
}

void CopyRow(const float* x, float* y, int64_t count) {
  std::memmove(y, x, count * sizeof(float));
}

LAYERD_MULTIVERSION
void MaxRow(const float* x, float* y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) y[i] = x[i] < y[i] ? y[i] : x[i];
}

LAYERD_MULTIVERSION
void AddRow(const float* x, float* y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) y[i] += x[i];
}

LAYERD_MULTIVERSION
void ScaleRow(float factor, float* y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) y[i] *= factor;
}

LAYERD_MULTIVERSION
void AddSquareRow(const float* x, float* y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) y[i] += x[i] * x[i];
}

void NormaliseRow(float k, float factor, float beta, const float* x, float* y,
                  int64_t count) {
  if (beta == 0.75f) return DivideByPower34Row(k, factor, x, y, count);
  for (int64_t i = 0; i < count; ++i) {
    y[i] = x[i] * std::pow(k + factor * y[i], -beta);
  }
}

void SoftmaxRow(const float* x, float* y, int64_t count) {
  ExpRow(MaxOf(x, count), x, y, count);
  ScaleRow(1.0f / SumOf(y, count), y, count);
}

}  // namespace layerd::cpu
