#ifndef LAYERD_KERNELS_CPU_VECTOR_MATH_H_
#define LAYERD_KERNELS_CPU_VECTOR_MATH_H_

#include <bit>
#include <cstdint>

#include "kernels/cpu/lanes.h"

// Functions of one float, without branches, so that loops over them become
// vectors. Each is within 2e-7 of the true number relatively, unless it says
// otherwise. Coefficients are fits of our own or those of a series.
//
// Included by the loops only: always inlined, into each instruction set.
namespace layerd::cpu {

LAYERD_INLINE float Absolute(float x) {
  return std::bit_cast<float>(std::bit_cast<uint32_t>(x) & 0x7fffffffu);
}

// `size` with the sign of `x`.
LAYERD_INLINE float WithSignOf(float x, float size) {
  return std::bit_cast<float>(std::bit_cast<uint32_t>(size) |
                              (std::bit_cast<uint32_t>(x) & 0x80000000u));
}

// The parts of exp(x) = 2^n * exp(r), |r| <= ln(2) / 2. REQUIRES: |x| < 2^20.
struct SplitExp {
  float n;
  float fraction;  // exp(r)
};

LAYERD_INLINE SplitExp Split(float x) {
  constexpr float kLog2E = 1.44269504f;
  constexpr float kLn2Head = 0.693359375f;  // Exact times any n.
  constexpr float kLn2Rest = -2.12194440e-4f;
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds.
  const float n = (x * kLog2E + kRound) - kRound;
  const float r = (x - n * kLn2Head) - n * kLn2Rest;
  const float q =
      0.5f +
      r * (0.166665182f +
           r * (0.0416662060f + r * (0.00836895406f + r * 0.00139506010f)));
  return {n, 1.0f + (r + r * r * q)};
}

// 2^n. REQUIRES: n is an integer within -126 to 127.
LAYERD_INLINE float PowerOfTwo(float n) {
  return std::bit_cast<float>((static_cast<int32_t>(n) + 127) << 23);
}

// exp(x) where it is neither tiny nor huge: below exp(-87) it is 0, and above
// exp(88) it is that.
LAYERD_INLINE float Exp(float x) {
  const float low = x < -87.0f ? -87.0f : x;
  const SplitExp split = Split(low > 88.0f ? 88.0f : low);
  return x < -87.0f ? 0.0f : split.fraction * PowerOfTwo(split.n);
}

// exp(x) for every x.
LAYERD_INLINE float WideExp(float x) {
  const float low = x < -105.0f ? -105.0f : x;
  const SplitExp split = Split(low > 90.0f ? 90.0f : low);
  // In two steps, because 2^n alone may not be a float.
  const float half = static_cast<float>(static_cast<int32_t>(split.n) / 2);
  return split.fraction * PowerOfTwo(half) * PowerOfTwo(split.n - half);
}

// exp(x) - 1, which near zero is not what exp(x) leaves of it.
LAYERD_INLINE float ExpMinusOne(float x) {
  const float near =
      x +
      x * x *
          (0.5f +
           x * (1.0f / 6 +
                x * (1.0f / 24 +
                     x * (1.0f / 120 + x * (1.0f / 720 + x * (1.0f / 5040))))));
  const float far = WideExp(x) - 1.0f;
  return Absolute(x) < 0.35f ? near : far;
}

// 2 * atanh(s) by its series. REQUIRES: 0 <= |s| <= 1/3.
LAYERD_INLINE float TwiceAtanh(float s) {
  const float z = s * s;
  const float rest =
      z *
      (2.0f / 3 +
       z * (2.0f / 5 +
            z * (2.0f / 7 +
                 z * (2.0f / 9 +
                      z * (2.0f / 11 + z * (2.0f / 13 + z * (2.0f / 15)))))));
  return s * 2.0f + s * rest;
}

// log(1 + x). REQUIRES: 0 <= x <= 1.
LAYERD_INLINE float LogOnePlus(float x) { return TwiceAtanh(x / (2.0f + x)); }

// Within 4e-7 near 1, where it is small.
LAYERD_INLINE float Log(float x) {
  constexpr float kLn2Head = 0.693359375f;
  constexpr float kLn2Rest = -2.12194440e-4f;
  // Those too small to have all their digits are made larger first.
  const bool is_tiny = x < 1.17549435e-38f;
  const float larger = is_tiny ? x * 16777216.0f : x;
  const uint32_t bits = std::bit_cast<uint32_t>(larger);
  // So that the mantissa lies within sqrt(1/2) to sqrt(2).
  const uint32_t shifted = bits - 0x3f3504f3u;
  const int32_t exponent = static_cast<int32_t>(shifted) >> 23;
  const float m = std::bit_cast<float>((shifted & 0x7fffffu) + 0x3f3504f3u);
  const float n = static_cast<float>(exponent) - (is_tiny ? 24.0f : 0.0f);
  const float s = (m - 1.0f) / (m + 1.0f);
  const float log = n * kLn2Head + (TwiceAtanh(s) + n * kLn2Rest);
  const float infinity = std::bit_cast<float>(0x7f800000u);
  const float nan = std::bit_cast<float>(0x7fc00000u);
  const float positive = x < infinity ? log : x;  // NaN stays.
  return x > 0 ? positive : (x == 0 ? -infinity : nan);
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

// erf(x) for |x| <= 0.95; our own fit, 6e-10.
LAYERD_INLINE float NearErf(float x) {
  const float z = x * x;
  return x * (1.128379225730896f +
              z * (-0.3761263191699982f +
                   z * (0.11283663660287857f +
                        z * (-0.026857705786824226f +
                             z * (0.005196951795369387f +
                                  z * (-0.0008097702520899475f +
                                       z * 8.185090700862929e-05f))))));
}

// 1 - erf(x) for x >= 0.9, as t * exp(-x * x + q(t)); our own fit of q, 5e-9.
// For larger x within 1e-7 * x * x.
LAYERD_INLINE float FarErfc(float x) {
  const float t = 1.0f / (1.0f + 0.5f * x);
  const float q =
      -1.2654917240142822f +
      t * (0.9995203614234924f +
           t * (0.37955355644226074f +
                t * (0.06159214302897453f +
                     t * (-0.03758028894662857f +
                          t * (-0.14240270853042603f +
                               t * (-0.3496449887752533f +
                                    t * (0.5712074637413025f +
                                         t * -0.21772533655166626f)))))));
  return t * Exp(q - x * x);
}

LAYERD_INLINE float Erf(float x) {
  const float size = Absolute(x);
  const float far = WithSignOf(x, 1.0f - FarErfc(size));
  return size < 0.92f ? NearErf(x) : far;
}

// 2^x for x from -126 to 0.
LAYERD_INLINE float NegativePowerOfTwo(float x) {
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds.
  const float n = (x + kRound) - kRound;
  const float r = x - n;
  const float fraction =
      1.0f + r * (0.693147182f +
                  r * (0.240226462f +
                       r * (0.0555032901f +
                            r * (0.00961851981f +
                                 r * (0.00133998599f + r * 0.000153375775f)))));
  return fraction * PowerOfTwo(n);
}

// x / 2 * (1 + erf(x / sqrt(2))), within 8e-7 of it or 8e-9, whichever is more.
// Of the normal distribution the logarithm of the smaller tail is nearly a
// parabola: our own fit for |x| <= 6.5, behind which nothing is left of it,
// however large what it is multiplied with.
LAYERD_INLINE float Gelu(float x) {
  const float size = Absolute(x);
  const float a = size > 6.5f ? 6.5f : size;
  const float log2 =
      -1.0f +
      a * (-1.15110517f +
           a * (-0.459213257f +
                a * (-0.0524608381f +
                     a * (0.00697020255f +
                          a * (-1.42752879e-05f +
                               a * (-0.00027498795f +
                                    a * (7.5636628e-05f +
                                         a * (-1.08897348e-05f +
                                              a * (8.54134441e-07f +
                                                   a * -2.86113728e-08f)))))))));
  const float tail = size > 6.5f ? 0.0f : NegativePowerOfTwo(log2);
  return x * (x < 0 ? tail : 1.0f - tail);
}

LAYERD_INLINE float GeluTanh(float x) {
  constexpr float kTwiceRoot = 1.59576912f;  // 2 * sqrt(2 / pi)
  return x * Sigmoid(kTwiceRoot * (x + 0.044715f * x * x * x));
}

LAYERD_INLINE float Softplus(float x) {
  return (x > 0 ? x : 0.0f) + LogOnePlus(Exp(-Absolute(x)));
}

// x * tanh(log(1 + exp(x))), where the tanh is a quotient of exp(x).
LAYERD_INLINE float Mish(float x) {
  const float e = Exp(x > 20.0f ? 20.0f : x);
  const float n = e * (e + 2.0f);
  return x * (n / (n + 2.0f));
}

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_VECTOR_MATH_H_
