#include "daemon/ctl/number_value.h"

#include <catch2/catch.hpp>
#include <cstring>

namespace layerd {
namespace {

using Shape = std::vector<int64_t>;

OnnxValueInfo Input(DataType dtype, std::vector<OnnxDimension> shape) {
  return {.name = "x", .dtype = dtype, .shape = std::move(shape)};
}

OnnxDimension Free() { return {}; }
OnnxDimension Size(int64_t size) { return {.value = size, .parameter = ""}; }

template <typename Element>
std::vector<Element> ElementsOf(const Constant& constant) {
  std::vector<Element> elements(constant.held.size() / sizeof(Element));
  std::memcpy(elements.data(), constant.held.data(), constant.held.size());
  return elements;
}

TEST_CASE("Numbers are told from the name of a file") {
  for (const char* text : {"16000", "-1,0.5", "true", "1e-5", "1,2,3"}) {
    INFO(text);
    CHECK(AreNumbers(text));
  }
  for (const char* text : {"x.npy", "", "1,", "3.npy", "1;2", "rate"}) {
    INFO(text);
    CHECK(!AreNumbers(text));
  }
}

TEST_CASE("A number becomes what the input is") {
  const auto rate = ConstantOf("16000", Input(DataType::kI64, {}));
  REQUIRE(rate.ok());
  CHECK(rate->shape.empty());
  CHECK(ElementsOf<int64_t>(*rate) == std::vector<int64_t>{16000});

  const auto scales = ConstantOf("0.5,1,-2", Input(DataType::kF32, {Size(3)}));
  REQUIRE(scales.ok());
  CHECK(scales->shape == Shape{3});
  CHECK(ElementsOf<float>(*scales) == std::vector<float>{0.5, 1, -2});

  const auto half = ConstantOf("1.5", Input(DataType::kF16, {Size(1)}));
  REQUIRE(half.ok());
  CHECK(ElementsOf<uint16_t>(*half) == std::vector<uint16_t>{0x3e00});

  const auto flag = ConstantOf("true,0", Input(DataType::kBool, {Free()}));
  REQUIRE(flag.ok());
  CHECK(ElementsOf<uint8_t>(*flag) == std::vector<uint8_t>{1, 0});
}

TEST_CASE("One free dimension is as long as there are numbers") {
  const auto shape_of = [](const char* text, std::vector<OnnxDimension> shape) {
    const auto constant = ConstantOf(text, Input(DataType::kI32, shape));
    REQUIRE(constant.ok());
    return constant->shape;
  };
  CHECK(shape_of("1,2,3,4", {Free(), Size(2)}) == Shape{2, 2});
  CHECK(shape_of("7", {Free()}) == Shape{1});
  CHECK(shape_of("7", {Size(1), Size(1)}) == Shape{1, 1});
  const OnnxValueInfo unknown{
      .name = "x", .dtype = DataType::kI32, .shape = {}};
  CHECK(ConstantOf("7", unknown)->shape.empty());
  CHECK(ConstantOf("7,8", unknown)->shape == Shape{2});
}

TEST_CASE("What does not fit is refused with the reason") {
  struct Row {
    const char* text;
    OnnxValueInfo input;
    const char* reason;
  };
  const Row rows[] = {
      {"300", Input(DataType::kU8, {}), "'300' is no UINT8"},
      {"0.5", Input(DataType::kI64, {}), "'0.5' is no INT64"},
      {"2", Input(DataType::kBool, {}), "'2' is no BOOL"},
      {"1,2", Input(DataType::kI64, {}), "2 numbers are too many"},
      {"1", Input(DataType::kI64, {Size(2)}), "do not say its shape"},
      {"1", Input(DataType::kI64, {Free(), Free()}), "do not say its shape"},
      {"1", Input(DataType::kI64, {Size(INT64_MAX)}), "do not say its shape"},
      {"1", {.name = "x", .dtype = {}, .shape = {}}, "does not say its type"},
  };
  for (const Row& row : rows) {
    INFO(row.text << " " << row.reason);
    const auto constant = ConstantOf(row.text, row.input);
    REQUIRE(!constant.ok());
    CHECK_THAT(std::string(constant.status().message()),
               Catch::Contains(row.reason));
  }
}

}  // namespace
}  // namespace layerd
