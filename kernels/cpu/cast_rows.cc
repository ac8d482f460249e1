#include "kernels/cpu/cast_rows.h"

#include <cstdint>
#include <limits>

#include "kernels/cpu/half_rows.h"
#include "kernels/cpu/multiversion.h"

namespace layerd::cpu {
namespace {

// What is beyond a short integer becomes its end, what is no number 0.
template <typename To>
inline void Narrow(const std::byte* from, std::byte* to, int64_t count) {
  constexpr float kLeast = std::numeric_limits<To>::min();
  constexpr float kMost = std::numeric_limits<To>::max();
  const auto* const x = reinterpret_cast<const float*>(from);
  auto* const y = reinterpret_cast<To*>(to);
  LAYERD_SAME_OR_APART
  for (int64_t i = 0; i < count; ++i) {
    float value = x[i] == x[i] ? x[i] : 0;
    value = value < kLeast ? kLeast : value;
    value = value > kMost ? kMost : value;
    y[i] = static_cast<To>(static_cast<int32_t>(value));
  }
}

// Floats end below the largest integer.
template <typename To>
inline void Whole(const std::byte* from, std::byte* to, int64_t count) {
  constexpr float kPastEnd =
      2 * static_cast<float>(std::numeric_limits<To>::max() / 2 + 1);
  const auto* const x = reinterpret_cast<const float*>(from);
  auto* const y = reinterpret_cast<To*>(to);
  LAYERD_SAME_OR_APART
  for (int64_t i = 0; i < count; ++i) {
    const bool is_inside = x[i] > -kPastEnd && x[i] < kPastEnd;
    const To inside = static_cast<To>(is_inside ? x[i] : 0.0f);
    const To least =
        x[i] <= -kPastEnd ? std::numeric_limits<To>::min() : inside;
    y[i] = x[i] >= kPastEnd ? std::numeric_limits<To>::max() : least;
  }
}

template <typename From>
inline void Widen(const std::byte* from, std::byte* to, int64_t count) {
  const auto* const x = reinterpret_cast<const From*>(from);
  auto* const y = reinterpret_cast<float*>(to);
  LAYERD_SAME_OR_APART
  for (int64_t i = 0; i < count; ++i) y[i] = static_cast<float>(x[i]);
}

#define LAYERD_CAST_ROW(name, ...)                                  \
  LAYERD_MULTIVERSION                                               \
  void name(const std::byte* from, int64_t, std::byte* to, int64_t, \
            int64_t count) {                                        \
    __VA_ARGS__(from, to, count);                                   \
  }

LAYERD_CAST_ROW(ToU8, Narrow<uint8_t>)
LAYERD_CAST_ROW(ToI8, Narrow<int8_t>)
LAYERD_CAST_ROW(ToI32, Whole<int32_t>)
LAYERD_CAST_ROW(ToI64, Whole<int64_t>)
LAYERD_CAST_ROW(FromU8, Widen<uint8_t>)
LAYERD_CAST_ROW(FromI8, Widen<int8_t>)
LAYERD_CAST_ROW(FromI32, Widen<int32_t>)
LAYERD_CAST_ROW(FromI64, Widen<int64_t>)

#undef LAYERD_CAST_ROW

}  // namespace

CastRow DenseCastRowFor(DataType from, DataType to) {
  if (const CastRow half = HalfRowFor(from, to)) return half;
  if (from == DataType::kF32) {
    switch (to) {
      case DataType::kU8:
        return &ToU8;
      case DataType::kI8:
        return &ToI8;
      case DataType::kI32:
        return &ToI32;
      case DataType::kI64:
        return &ToI64;
      default:
        return nullptr;
    }
  }
  if (to != DataType::kF32) return nullptr;
  switch (from) {
    case DataType::kU8:
      return &FromU8;
    case DataType::kI8:
      return &FromI8;
    case DataType::kI32:
      return &FromI32;
    case DataType::kI64:
      return &FromI64;
    default:
      return nullptr;
  }
}

}  // namespace layerd::cpu
