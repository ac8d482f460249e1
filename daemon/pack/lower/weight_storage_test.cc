#include "daemon/pack/lower/weight_storage.h"

#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "kernels/half.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST_CASE("Every half and every bfloat16 is stored as itself") {
  int wrong = 0;
  for (uint32_t bits = 0; bits <= 0xffff; ++bits) {
    const float half[] = {FloatFromHalf(static_cast<uint16_t>(bits))};
    const float bfloat[] = {FloatFromBFloat16(static_cast<uint16_t>(bits))};
    uint16_t stored = 0;
    wrong += !NarrowToHalf(half, &stored).ok();
    wrong += !std::isnan(half[0]) && stored != bits;
    wrong += !NarrowToBFloat16(bfloat, &stored).ok();
    wrong += !std::isnan(bfloat[0]) && stored != bits;
  }
  CHECK(wrong == 0);
}

TEST_CASE("Halves are rounded to nearest, ties to even") {
  // In steps of 2^-10 above 1.
  const float from[] = {1 + 0x1p-11f, 1 + 0x3p-11f, 1 + 0x1p-11f + 0x1p-20f,
                        65519.0f};
  uint16_t to[4];
  REQUIRE(NarrowToHalf(from, to).ok());
  CHECK(to[0] == 0x3c00);
  CHECK(to[1] == 0x3c02);
  CHECK(to[2] == 0x3c01);
  CHECK(FloatFromHalf(to[3]) == 65504);
}

TEST_CASE("What would become infinite is refused by number and type") {
  uint16_t to[2];
  const float over_half[] = {1, -65520};
  absl::Status status = NarrowToHalf(over_half, to);
  CHECK(absl::IsOutOfRange(status));
  CHECK_THAT(std::string(status.message()),
             Catch::Contains("-65520") && Catch::Contains("f16") &&
                 Catch::Contains("65504") && Catch::Contains("--weights"));
  const float over_bfloat[] = {3.4e38f};
  CHECK(absl::IsOutOfRange(NarrowToBFloat16(over_bfloat, to)));
  CHECK(absl::IsOutOfRange(Int8Scale(kInfinity).status()));
  CHECK(absl::IsOutOfRange(Int8Scale(std::nanf("")).status()));
  // It was so before.
  const float infinite[] = {kInfinity, -kInfinity};
  CHECK(NarrowToHalf(infinite, to).ok());
  CHECK(FloatFromHalf(to[1]) == -kInfinity);
}

TEST_CASE("Int8 is symmetric, rounded to nearest, ties to even") {
  const float scale = *Int8Scale(127);
  CHECK(scale == 1);
  CHECK(NarrowToInt8(127, scale) == 127);
  CHECK(NarrowToInt8(-127, scale) == -127);
  CHECK(NarrowToInt8(0.5f, scale) == 0);
  CHECK(NarrowToInt8(1.5f, scale) == 2);
  CHECK(NarrowToInt8(-2.5f, scale) == -2);
  CHECK(NarrowToInt8(2.501f, scale) == 3);
}

TEST_CASE("Int8 of any magnitude is within half a step of the number") {
  for (const float largest : {1e-38f, 0.003f, 1.0f, 7.77f, 3e38f}) {
    INFO(largest);
    const float scale = *Int8Scale(largest);
    for (int i = -1000; i <= 1000; ++i) {
      const float value = largest * (i / 1000.0f);
      const double decoded = double{scale} * NarrowToInt8(value, scale);
      REQUIRE(std::abs(decoded - value) <= 0.5001 * scale);
    }
  }
  CHECK(NarrowToInt8(0, *Int8Scale(0)) == 0);
}

TEST_CASE("Ways of storing have four words") {
  CHECK(*WeightType("f32") == DataType::kF32);
  CHECK(*WeightType("f16") == DataType::kF16);
  CHECK(*WeightType("bf16") == DataType::kBF16);
  CHECK(*WeightType("i8") == DataType::kI8);
  CHECK(absl::IsInvalidArgument(WeightType("int8").status()));
}

}  // namespace
}  // namespace layerd
