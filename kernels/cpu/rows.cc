#include "kernels/cpu/rows.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/cpu/lanes.h"
#include "kernels/cpu/multiversion.h"

namespace layerd::cpu {
namespace {

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
struct Larger {  // What is not a number is handed on.
  LAYERD_INLINE float operator()(float a, float b) const {
    const float more = a > b ? a : b;
    return a != a ? a : more;
  }
};
struct Smaller {
  LAYERD_INLINE float operator()(float a, float b) const {
    const float less = a < b ? a : b;
    return a != a ? a : less;
  }
};
struct Sloped {
  LAYERD_INLINE float operator()(float a, float b) const {
    return a < 0 ? a * b : a;
  }
};
struct Power {
  LAYERD_INLINE float operator()(float a, float b) const {
    return std::pow(a, b);
  }
};
struct Rest {
  LAYERD_INLINE float operator()(float a, float b) const {
    return std::fmod(a, b);
  }
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
void LargerRow(const float* a, int64_t a_stride, const float* b,
               int64_t b_stride, float* y, int64_t count) {
  Combined(Larger{}, a, a_stride, b, b_stride, y, count);
}

LAYERD_MULTIVERSION
void SmallerRow(const float* a, int64_t a_stride, const float* b,
                int64_t b_stride, float* y, int64_t count) {
  Combined(Smaller{}, a, a_stride, b, b_stride, y, count);
}

LAYERD_MULTIVERSION
void SlopedRow(const float* a, int64_t a_stride, const float* b,
               int64_t b_stride, float* y, int64_t count) {
  Combined(Sloped{}, a, a_stride, b, b_stride, y, count);
}

// x to the power of 1/2, which is no root of -0 and -inf: 0 and inf.
LAYERD_MULTIVERSION
void HalfPowerRow(const float* x, float* y, int64_t count) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (int64_t i = 0; i < count; ++i) {
    const float root = __builtin_sqrtf(x[i] + 0.0f);
    y[i] = x[i] == -kInfinity ? kInfinity : root;
  }
}

// Networks raise to 2, 3 and 1/2; all else may take its time.
void PowerRow(const float* a, int64_t a_stride, const float* b,
              int64_t b_stride, float* y, int64_t count) {
  const float exponent = b_stride == 0 && a_stride == 1 ? *b : 0;
  if (exponent == 2) return TimesRow(a, 1, a, 1, y, count);
  if (exponent == 0.5f) return HalfPowerRow(a, y, count);
  if (exponent == 3 && a != y) {
    TimesRow(a, 1, a, 1, y, count);
    return TimesRow(y, 1, a, 1, y, count);
  }
  Combined(Power{}, a, a_stride, b, b_stride, y, count);
}

void RestRow(const float* a, int64_t a_stride, const float* b, int64_t b_stride,
             float* y, int64_t count) {
  Combined(Rest{}, a, a_stride, b, b_stride, y, count);
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
    case Binary::Kind::kPow:
      return PowerRow(a, a_stride, b, b_stride, y, count);
    case Binary::Kind::kMax:
      return LargerRow(a, a_stride, b, b_stride, y, count);
    case Binary::Kind::kMin:
      return SmallerRow(a, a_stride, b, b_stride, y, count);
    case Binary::Kind::kPRelu:
      return SlopedRow(a, a_stride, b, b_stride, y, count);
    case Binary::Kind::kMod:
      return RestRow(a, a_stride, b, b_stride, y, count);
    case Binary::Kind::kEqual:
    case Binary::Kind::kLess:
    case Binary::Kind::kLessOrEqual:
    case Binary::Kind::kAnd:
    case Binary::Kind::kOr:
    case Binary::Kind::kXor:
      return;  // Makes no floats.
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
void TimesNumberRows(const StridedRows& rows) {
  const int64_t count = rows.count;
  for (int64_t row = 0; row < rows.rows; ++row) {
    const float* a = rows.a + row * rows.a_step;
    const float number = rows.b[row * rows.b_step];
    float* y = rows.y + row * rows.y_step;
    LAYERD_SAME_OR_APART
    for (int64_t i = 0; i < count; ++i) y[i] = a[i] * number;
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

}  // namespace layerd::cpu
