#include "daemon/pack/graph/element_type.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "config/check.h"
#include "daemon/pack/graph/half_float.h"

namespace layerd {
namespace {

static_assert(std::endian::native == std::endian::little,
              "ONNX and layer files are little-endian");

// A float beyond the integer's range is undefined in C++: it saturates here,
// and what is not a number becomes 0.
template <typename To, typename From>
To Convert(From value) {
  if constexpr (std::is_same_v<To, bool>) {
    return value != 0;
  } else if constexpr (std::is_floating_point_v<From> &&
                       std::is_integral_v<To>) {
    if (std::isnan(value)) return 0;
    constexpr auto kLowest = std::numeric_limits<To>::lowest();
    constexpr auto kHighest = std::numeric_limits<To>::max();
    if (value <= static_cast<From>(kLowest)) return kLowest;
    if (value >= static_cast<From>(kHighest)) return kHighest;
    return static_cast<To>(value);
  } else {
    return static_cast<To>(value);
  }
}

template <typename From, typename To>
void Load(const std::byte* from, std::span<To> to) {
  for (size_t i = 0; i < to.size(); ++i) {
    From element;
    std::memcpy(&element, from + i * sizeof(From), sizeof(From));
    to[i] = Convert<To>(element);
  }
}

// A byte of a file may be anything, a bool may not.
template <typename To>
void LoadBool(const std::byte* from, std::span<To> to) {
  for (size_t i = 0; i < to.size(); ++i) to[i] = from[i] != std::byte{0};
}

template <float (*Widen)(uint16_t), typename To>
void LoadHalf(const std::byte* from, std::span<To> to) {
  for (size_t i = 0; i < to.size(); ++i) {
    uint16_t bits;
    std::memcpy(&bits, from + i * 2, 2);
    to[i] = Convert<To>(Widen(bits));
  }
}

template <typename To, typename From>
void Store(std::span<const From> from, std::byte* to) {
  for (size_t i = 0; i < from.size(); ++i) {
    const To element = Convert<To>(from[i]);
    std::memcpy(to + i * sizeof(To), &element, sizeof(To));
  }
}

template <uint16_t (*Narrow)(float), typename From>
void StoreHalf(std::span<const From> from, std::byte* to) {
  for (size_t i = 0; i < from.size(); ++i) {
    const uint16_t bits = Narrow(Convert<float>(from[i]));
    std::memcpy(to + i * 2, &bits, 2);
  }
}

template <typename To>
void LoadAs(DataType type, const std::byte* from, std::span<To> to) {
  switch (type) {
    case DataType::kBool:
      return LoadBool(from, to);
    case DataType::kU8:
      return Load<uint8_t>(from, to);
    case DataType::kU16:
      return Load<uint16_t>(from, to);
    case DataType::kU32:
      return Load<uint32_t>(from, to);
    case DataType::kU64:
      return Load<uint64_t>(from, to);
    case DataType::kI8:
      return Load<int8_t>(from, to);
    case DataType::kI16:
      return Load<int16_t>(from, to);
    case DataType::kI32:
      return Load<int32_t>(from, to);
    case DataType::kI64:
      return Load<int64_t>(from, to);
    case DataType::kF16:
      return LoadHalf<FloatOfF16>(from, to);
    case DataType::kF32:
      return Load<float>(from, to);
    case DataType::kF64:
      return Load<double>(from, to);
    case DataType::kBF16:
      return LoadHalf<FloatOfBf16>(from, to);
  }
  LAYERD_CHECK(false, "unknown data type");
}

template <typename From>
void StoreAs(std::span<const From> from, DataType type, std::byte* to) {
  switch (type) {
    case DataType::kBool:
      return Store<bool>(from, to);
    case DataType::kU8:
      return Store<uint8_t>(from, to);
    case DataType::kU16:
      return Store<uint16_t>(from, to);
    case DataType::kU32:
      return Store<uint32_t>(from, to);
    case DataType::kU64:
      return Store<uint64_t>(from, to);
    case DataType::kI8:
      return Store<int8_t>(from, to);
    case DataType::kI16:
      return Store<int16_t>(from, to);
    case DataType::kI32:
      return Store<int32_t>(from, to);
    case DataType::kI64:
      return Store<int64_t>(from, to);
    case DataType::kF16:
      return StoreHalf<F16OfFloat>(from, to);
    case DataType::kF32:
      return Store<float>(from, to);
    case DataType::kF64:
      return Store<double>(from, to);
    case DataType::kBF16:
      return StoreHalf<Bf16OfFloat>(from, to);
  }
  LAYERD_CHECK(false, "unknown data type");
}

}  // namespace

bool IsFloating(DataType type) {
  return type == DataType::kF16 || type == DataType::kF32 ||
         type == DataType::kF64 || type == DataType::kBF16;
}

std::optional<int64_t> ElementCount(std::span<const int64_t> shape) {
  constexpr int64_t kMax = int64_t{1} << 48;
  // A zero anywhere makes the product zero, but not every shape with one fits.
  int64_t nonzero = 1;
  bool is_empty = false;
  for (const int64_t dimension : shape) {
    if (dimension < 0) return std::nullopt;
    if (dimension == 0) {
      is_empty = true;
      continue;
    }
    if (dimension >= kMax / nonzero) return std::nullopt;
    nonzero *= dimension;
  }
  return is_empty ? 0 : nonzero;
}

int64_t CountOf(std::span<const int64_t> sizes) {
  const std::optional<int64_t> count = ElementCount(sizes);
  LAYERD_CHECK(count.has_value(), "sizes were not checked");
  return *count;
}

void ConvertElements(DataType type, const std::byte* from,
                     std::span<float> to) {
  LoadAs(type, from, to);
}
void ConvertElements(DataType type, const std::byte* from,
                     std::span<double> to) {
  LoadAs(type, from, to);
}
void ConvertElements(DataType type, const std::byte* from,
                     std::span<int64_t> to) {
  LoadAs(type, from, to);
}

void StoreElements(std::span<const float> from, DataType type, std::byte* to) {
  StoreAs(from, type, to);
}
void StoreElements(std::span<const double> from, DataType type, std::byte* to) {
  StoreAs(from, type, to);
}
void StoreElements(std::span<const int64_t> from, DataType type,
                   std::byte* to) {
  StoreAs(from, type, to);
}

}  // namespace layerd
