#include "daemon/pack/lower/strided_view.h"

#include "test/catch/catch.h"

namespace layerd {
namespace {

using Shape = std::vector<int64_t>;

struct Row {
  const char* name;
  TensorType type;
  Shape shape;
  std::optional<Shape> strides;
};

TEST_CASE("A reshape is a view where strides can say it") {
  const DataType f32 = DataType::kF32;
  const Row row = GENERATE_COPY(values<Row>({
      {"plain", {f32, {2, 3, 4}, {12, 4, 1}}, {6, 4}, Shape{4, 1}},
      {"split", {f32, {6, 4}, {4, 1}}, {2, 3, 2, 2}, Shape{12, 4, 2, 1}},
      {"pooled picture",
       {f32, {1, 512, 1, 1}, {512, 1, 512, 512}},
       {1, 512},
       Shape{512, 1}},
      {"to a picture", {f32, {1, 8}, {8, 1}}, {1, 8, 1, 1}, Shape{8, 1, 1, 1}},
      {"channels last", {f32, {1, 2, 2, 2}, {8, 1, 4, 2}}, {1, 8}, {}},
      {"its pixels only",
       {f32, {1, 2, 3, 4}, {24, 1, 8, 2}},
       {1, 2, 12},
       Shape{24, 1, 2}},
      {"a slice", {f32, {3, 4}, {10, 1}}, {12}, {}},
      {"rows of a slice", {f32, {3, 4}, {10, 1}}, {3, 2, 2}, Shape{10, 2, 1}},
      {"transposed", {f32, {3, 4}, {1, 3}}, {12}, {}},
      {"scalar", {f32, {1, 1}, {1, 1}}, {}, Shape{}},
  }));
  INFO(row.name);

  const std::optional<Shape> strides = ReshapedStrides(row.type, row.shape);

  REQUIRE(strides.has_value() == row.strides.has_value());
  if (strides) CHECK(SameOrder(row.shape, *strides, *row.strides));
}

TEST_CASE("The stride of a single element means nothing") {
  CHECK(SameOrder({1, 3, 1}, {3, 1, 1}, {99, 1, 7}));
  CHECK_FALSE(SameOrder({1, 3, 1}, {3, 1, 1}, {3, 2, 1}));
}

}  // namespace
}  // namespace layerd
