#ifndef LAYERD_DAEMON_PACK_GRAPH_HALF_FLOAT_H_
#define LAYERD_DAEMON_PACK_GRAPH_HALF_FLOAT_H_

#include <bit>
#include <cstdint>

namespace layerd {

// IEEE half precision and bfloat16 by their bits: compilers disagree on the
// types, and packing needs no arithmetic in them.

// Exact.
inline float FloatOfBf16(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

// Exact, subnormals included.
inline float FloatOfF16(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1fu;
  const uint32_t mantissa = bits & 0x3ffu;
  if (exponent == 0) {  // mantissa * 2^-24
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(magnitude));
  }
  const uint32_t wide = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23 | mantissa << 13);
}

// The nearest, ties to even; infinity where it is too large.
uint16_t F16OfFloat(float value);
uint16_t Bf16OfFloat(float value);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_GRAPH_HALF_FLOAT_H_
