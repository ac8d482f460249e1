#include "kernels/tensor.h"

#include <limits>

#include "test/catch/catch.h"
#include "test/kernels/part_sketches.h"

namespace layerd {
namespace {

TEST_CASE("Strides tell the order in memory") {
  const std::vector<int64_t> picture = {2, 3, 4, 5};
  CHECK(PlainStrides(picture) == std::vector<int64_t>{60, 20, 5, 1});
  CHECK(ChannelsLastStrides(picture) == std::vector<int64_t>{60, 1, 15, 3});
  CHECK(ChannelsLastStrides({7, 9}) == std::vector<int64_t>{9, 1});
  CHECK(PlainStrides({}).empty());
}

TEST_CASE("A type knows its size, and the span that its strides reach") {
  TensorType type = PlainType({2, 3, 4, 5});
  CHECK(type.element_count() == 120);
  CHECK(type.span_bytes() == 480);
  CHECK(type.is_plain());

  type.strides = {800, 1, 100, 10};  // A range of ten channels' worth of room.
  CHECK(type.span_bytes() == 4 * (800 + 2 + 300 + 40 + 1));
  CHECK_FALSE(type.is_plain());

  type.strides = {0, 0, 0, 0};
  CHECK(type.span_bytes() == 4);
  CHECK(PlainType({}).element_count() == 1);
  CHECK(PlainType({4, 0}).span_bytes() == 0);
}

TEST_CASE(
    "The stride of a dimension of size 1 does not make a type less plain") {
  TensorType type = PlainType({1, 3, 1, 5});
  type.strides[0] = 999;
  type.strides[2] = 0;
  CHECK(type.is_plain());
}

TEST_CASE("A hostile shape is huge, never small") {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  const int64_t big = int64_t{1} << 40;
  TensorType type{DataType::kF64, {big, big, 3}, {big, big, 1}};
  CHECK(type.element_count() == kMost);
  CHECK(type.span_bytes() == kMost);
}

TEST_CASE("Every datatype has a size and the protocol's name") {
  CHECK(SizeOf(DataType::kBool) == 1);
  CHECK(SizeOf(DataType::kBF16) == 2);
  CHECK(SizeOf(DataType::kF32) == 4);
  CHECK(SizeOf(DataType::kI64) == 8);
  CHECK(SizeOf(static_cast<DataType>(13)) == 0);
  CHECK(NameOf(DataType::kU8) == std::string("UINT8"));
  CHECK(ToString(PlainType({1, 3, 224, 224})) == "FP32 [1, 3, 224, 224]");
}

}  // namespace
}  // namespace layerd
