#include "kernels/cast.h"

#include <cstring>
#include <limits>
#include <type_traits>

#include "config/check.h"
#include "kernels/half.h"

namespace layerd {
namespace {

struct Bool {
  using Stored = uint8_t;
  using Value = uint8_t;
  static Value Load(Stored stored) { return stored != 0; }
  template <typename From>
  static Stored Store(From value) {
    return value != From{0};
  }
};

template <typename T>
struct Integer {
  using Stored = T;
  using Value = T;
  static Value Load(Stored stored) { return stored; }
  template <typename From>
  static Stored Store(From value) {
    if constexpr (std::is_integral_v<From>) {
      return static_cast<T>(value);
    } else {
      // Both ends are powers of two (or just below), so exact as floats.
      constexpr From kPastEnd = static_cast<From>(
          2 * static_cast<double>(std::numeric_limits<T>::max() / 2 + 1));
      constexpr From kBegin = static_cast<From>(std::numeric_limits<T>::min());
      if (value >= kPastEnd) return std::numeric_limits<T>::max();
      if (value <= kBegin) return std::numeric_limits<T>::min();
      return value == value ? static_cast<T>(value) : T{0};
    }
  }
};

template <typename T>
struct Real {
  using Stored = T;
  using Value = T;
  static Value Load(Stored stored) { return stored; }
  template <typename From>
  static Stored Store(From value) {
    return static_cast<T>(value);
  }
};

struct Half {
  using Stored = uint16_t;
  using Value = float;
  static Value Load(Stored stored) { return FloatFromHalf(stored); }
  template <typename From>
  static Stored Store(From value) {
    return HalfFromFloat(static_cast<float>(value));
  }
};

struct BFloat16 {
  using Stored = uint16_t;
  using Value = float;
  static Value Load(Stored stored) { return FloatFromBFloat16(stored); }
  template <typename From>
  static Stored Store(From value) {
    return BFloat16FromFloat(static_cast<float>(value));
  }
};

template <typename From, typename To>
void Cast(const std::byte* from, int64_t from_stride, std::byte* to,
          int64_t to_stride, int64_t count) {
  const auto* source = reinterpret_cast<const typename From::Stored*>(from);
  auto* target = reinterpret_cast<typename To::Stored*>(to);
  for (int64_t i = 0; i < count; ++i) {
    if constexpr (std::is_same_v<From, To>) {
      target[i * to_stride] = source[i * from_stride];
    } else {
      target[i * to_stride] = To::template Store<typename From::Value>(
          From::Load(source[i * from_stride]));
    }
  }
}

// Calls `with` with the traits of `type`.
template <typename With>
CastRow Dispatch(DataType type, With with) {
  switch (type) {
    case DataType::kBool:
      return with(Bool{});
    case DataType::kU8:
      return with(Integer<uint8_t>{});
    case DataType::kU16:
      return with(Integer<uint16_t>{});
    case DataType::kU32:
      return with(Integer<uint32_t>{});
    case DataType::kU64:
      return with(Integer<uint64_t>{});
    case DataType::kI8:
      return with(Integer<int8_t>{});
    case DataType::kI16:
      return with(Integer<int16_t>{});
    case DataType::kI32:
      return with(Integer<int32_t>{});
    case DataType::kI64:
      return with(Integer<int64_t>{});
    case DataType::kF16:
      return with(Half{});
    case DataType::kF32:
      return with(Real<float>{});
    case DataType::kF64:
      return with(Real<double>{});
    case DataType::kBF16:
      return with(BFloat16{});
  }
  return nullptr;
}

}  // namespace

CastRow CastRowFor(DataType from, DataType to) {
  const CastRow row = Dispatch(from, [to](auto source) {
    return Dispatch(to, [](auto target) -> CastRow {
      return &Cast<decltype(source), decltype(target)>;
    });
  });
  LAYERD_CHECK(row != nullptr, "unknown datatype");
  return row;
}

}  // namespace layerd
