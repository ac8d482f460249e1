#include "kernels/cast.h"

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/half.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

template <typename To, typename From>
To Cast(DataType from, From value, DataType to) {
  To result;
  CastRowFor(from, to)(reinterpret_cast<const std::byte*>(&value), 1,
                       reinterpret_cast<std::byte*>(&result), 1, 1);
  return result;
}

TEST_CASE("Half rounds to nearest even, and says infinite when too large") {
  struct Row {
    float value;
    uint16_t bits;
  };
  const auto row = GENERATE(values<Row>({
      {0.0f, 0x0000},
      {-0.0f, 0x8000},
      {1.0f, 0x3c00},
      {-2.0f, 0xc000},
      {65504.0f, 0x7bff},
      {65519.0f, 0x7bff},
      {65520.0f, 0x7c00},
      {kInfinity, 0x7c00},
      {1 + 0x1p-11f, 0x3c00},     // A tie, to even: down.
      {1 + 0x1.8p-10f, 0x3c02},   // A tie, to even: up.
      {1 + 0x1.01p-11f, 0x3c01},  // Just above a tie.
      {0x1p-14f, 0x0400},         // The smallest normal.
      {0x1p-24f, 0x0001},         // The smallest of all.
      {0x1p-25f, 0x0000},         // A tie with zero.
      {0x1.8p-24f, 0x0002},       // A tie among subnormals.
      {0x1.ffffp-15f, 0x0400},    // Rounds up into the normals.
  }));
  INFO(row.value);
  CHECK(HalfFromFloat(row.value) == row.bits);
}

TEST_CASE("Every half survives the way through float") {
  int lost = 0;
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const bool is_nan = (half & 0x7fff) > 0x7c00;
    const uint16_t expected = is_nan ? half | 0x200 : half;  // Quiet.
    lost += HalfFromFloat(FloatFromHalf(half)) != expected;
  }
  CHECK(lost == 0);
}

TEST_CASE("BF16 is the upper half of a float, rounded to nearest even") {
  CHECK(BFloat16FromFloat(1.0f) == 0x3f80);
  CHECK(BFloat16FromFloat(1 + 0x1p-8f) == 0x3f80);
  CHECK(BFloat16FromFloat(1 + 0x1.8p-7f) == 0x3f82);
  CHECK(BFloat16FromFloat(std::numeric_limits<float>::max()) == 0x7f80);
  CHECK((BFloat16FromFloat(std::nanf("")) & 0x7fff) > 0x7f80);
  CHECK(FloatFromBFloat16(0xc000) == -2.0f);
}

TEST_CASE("Floats truncate to integers, and stop at their ends") {
  using enum DataType;
  CHECK(Cast<int32_t>(kF32, -2.9f, kI32) == -2);
  CHECK(Cast<int32_t>(kF32, 3e9f, kI32) == std::numeric_limits<int32_t>::max());
  CHECK(Cast<int64_t>(kF32, -kInfinity, kI64) ==
        std::numeric_limits<int64_t>::min());
  CHECK(Cast<uint64_t>(kF64, 1e30, kU64) ==
        std::numeric_limits<uint64_t>::max());
  CHECK(Cast<uint8_t>(kF32, 255.9f, kU8) == 255);
  CHECK(Cast<uint8_t>(kF32, -1.0f, kU8) == 0);
  CHECK(Cast<int8_t>(kF32, std::nanf(""), kI8) == 0);
  CHECK(Cast<int32_t>(kF16, HalfFromFloat(-7.5f), kI32) == -7);
}

TEST_CASE("Integers wrap, keep all bits, and round to floats") {
  using enum DataType;
  CHECK(Cast<uint8_t>(kI32, int32_t{300}, kU8) == 44);
  CHECK(Cast<int64_t>(kI64, int64_t{9007199254740993}, kI64) ==
        9007199254740993);
  CHECK(Cast<uint64_t>(kI64, int64_t{-1}, kU64) == ~uint64_t{0});
  CHECK(Cast<float>(kI32, int32_t{16777217}, kF32) == 16777216.0f);
  CHECK(Cast<double>(kU8, uint8_t{200}, kF64) == 200.0);
}

TEST_CASE("Anything but zero is true") {
  using enum DataType;
  CHECK(Cast<uint8_t>(kF32, 0.25f, kBool) == 1);
  CHECK(Cast<uint8_t>(kF32, -0.0f, kBool) == 0);
  CHECK(Cast<uint8_t>(kI64, int64_t{1} << 40, kBool) == 1);
  CHECK(Cast<float>(kBool, uint8_t{7}, kF32) == 1.0f);
}

TEST_CASE("A row is converted over its strides, and nothing beside it") {
  const std::vector<int16_t> from = {1, -9, 2, -9, 3};
  std::vector<float> to(7, -1.0f);
  CastRowFor(DataType::kI16, DataType::kF32)(
      reinterpret_cast<const std::byte*>(from.data()), 2,
      reinterpret_cast<std::byte*>(to.data()), 3, 3);
  CHECK(to == std::vector<float>{1, -1, -1, 2, -1, -1, 3});
}

}  // namespace
}  // namespace layerd
