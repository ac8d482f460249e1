#include "daemon/pack/graph/half_float.h"

#include <cmath>
#include <limits>

#include "test/catch/catch.h"

namespace layerd {
namespace {

TEST_CASE("Every half survives the way to float and back") {
  int wrong = 0;
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = FloatOfF16(static_cast<uint16_t>(bits));
    if (std::isnan(value)) continue;
    wrong += F16OfFloat(value) != bits;
  }
  CHECK(wrong == 0);
}

TEST_CASE("Halves mean what IEEE 754 says") {
  CHECK(FloatOfF16(0x3c00) == 1.0f);
  CHECK(FloatOfF16(0xc000) == -2.0f);
  CHECK(FloatOfF16(0x0001) == 0x1p-24f);
  CHECK(FloatOfF16(0x7bff) == 65504.0f);
  CHECK(FloatOfF16(0xfc00) == -std::numeric_limits<float>::infinity());
  CHECK(std::isnan(FloatOfF16(0x7e01)));
}

TEST_CASE("A float between two halves goes to the nearest, ties to even") {
  CHECK(F16OfFloat(1.0f + 0x1p-11f) == 0x3c00);
  CHECK(F16OfFloat(1.0f + 0x3p-11f) == 0x3c02);
  CHECK(F16OfFloat(1.0f + 0x1.8p-11f) == 0x3c01);
  CHECK(F16OfFloat(0x1.8p-24f) == 0x0002);
  CHECK(F16OfFloat(0x1p-25f) == 0x0000);
  CHECK(F16OfFloat(65519.0f) == 0x7bff);
  CHECK(F16OfFloat(65520.0f) == 0x7c00);
  CHECK(F16OfFloat(-1e9f) == 0xfc00);
}

TEST_CASE("bfloat16 is the upper half of a float, rounded") {
  CHECK(FloatOfBf16(0x3f80) == 1.0f);
  CHECK(Bf16OfFloat(-1.0f) == 0xbf80);
  CHECK(Bf16OfFloat(1.0f + 0x1p-8f) == 0x3f80);
  CHECK(Bf16OfFloat(1.0f + 0x3p-8f) == 0x3f82);
  CHECK(std::isnan(FloatOfBf16(Bf16OfFloat(NAN))));
}

}  // namespace
}  // namespace layerd
