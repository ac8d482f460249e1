#include "daemon/pack/graph/half_float.h"

#include <cmath>

namespace layerd {
namespace {

// `value` without its last `bits` bits, rounded to the nearest, ties to even.
uint32_t ShiftRounded(uint32_t value, int bits) {
  const uint32_t half = 1u << (bits - 1);
  const uint32_t is_odd = (value >> bits) & 1u;
  return (value + half - 1 + is_odd) >> bits;
}

}  // namespace

uint16_t F16OfFloat(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u);
  if (magnitude >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);
  if (magnitude < 0x38800000u) {  // Below 2^-14: in units of 2^-24.
    const float units = std::nearbyint(std::fabs(value) * 0x1p24f);
    return static_cast<uint16_t>(sign | static_cast<uint32_t>(units));
  }
  // The exponent's bias goes from 127 to 15; a carry may raise it by one.
  const uint32_t rebiased = magnitude - (112u << 23);
  return static_cast<uint16_t>(sign | ShiftRounded(rebiased, 13));
}

uint16_t Bf16OfFloat(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if (std::isnan(value)) return static_cast<uint16_t>(bits >> 16 | 0x40u);
  const uint32_t sign = bits & 0x80000000u;
  return static_cast<uint16_t>(sign >> 16 |
                               ShiftRounded(bits & 0x7fffffffu, 16));
}

}  // namespace layerd
