#include "daemon/pack/graph/element_type.h"

#include <cmath>
#include <vector>

#include "test/catch/catch.h"

namespace layerd {
namespace {

TEST_CASE("An element count that does not fit 48 bits is none") {
  using Shape = std::vector<int64_t>;
  CHECK(ElementCount(Shape{}) == 1);
  CHECK(ElementCount(Shape{2, 3, 4}) == 24);
  CHECK(ElementCount(Shape{2, 0, 4}) == 0);
  CHECK(!ElementCount(Shape{2, -1}));
  CHECK(!ElementCount(Shape{int64_t{1} << 24, int64_t{1} << 24}));
  CHECK(!ElementCount(Shape{INT64_MAX, INT64_MAX}));
  CHECK(!ElementCount(Shape{0, INT64_MAX, INT64_MAX}));
}

TEST_CASE("Elements of every type survive the way there and back") {
  const auto type = GENERATE(values<DataType>(
      {DataType::kU8, DataType::kU16, DataType::kU32, DataType::kU64,
       DataType::kI8, DataType::kI16, DataType::kI32, DataType::kI64,
       DataType::kF16, DataType::kF32, DataType::kF64, DataType::kBF16}));
  INFO(NameOf(type));
  const std::vector<int64_t> there = {0, 1, 2, 100, 127};
  std::vector<std::byte> stored(there.size() * SizeOf(type));
  StoreElements(std::span<const int64_t>(there), type, stored.data());

  std::vector<int64_t> integers(there.size());
  ConvertElements(type, stored.data(), std::span<int64_t>(integers));
  CHECK(integers == there);

  std::vector<float> floats(there.size());
  ConvertElements(type, stored.data(), std::span<float>(floats));
  CHECK(floats == std::vector<float>{0, 1, 2, 100, 127});
}

TEST_CASE("Whatever is not zero is true") {
  std::vector<std::byte> stored(3);
  StoreElements(std::span<const float>(std::vector<float>{0.0f, 0.5f, -3.0f}),
                DataType::kBool, stored.data());
  CHECK(stored ==
        std::vector<std::byte>{std::byte{0}, std::byte{1}, std::byte{1}});
}

TEST_CASE("Floats beyond an integer's range saturate") {
  const std::vector<float> floats = {1e30f, -1e30f, NAN, -2.7f};
  std::vector<int64_t> integers(4);
  std::vector<std::byte> stored(4 * 8);
  StoreElements(std::span<const float>(floats), DataType::kI64, stored.data());
  ConvertElements(DataType::kI64, stored.data(), std::span<int64_t>(integers));
  CHECK(integers == std::vector<int64_t>{INT64_MAX, INT64_MIN, 0, -2});
}

}  // namespace
}  // namespace layerd
