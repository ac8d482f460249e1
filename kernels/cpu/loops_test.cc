#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

#include "kernels/cast.h"
#include "kernels/cpu/cast_rows.h"
#include "kernels/cpu/half_rows.h"
#include "kernels/cpu/loop_nest.h"
#include "kernels/cpu/strided_copy.h"
#include "kernels/half.h"
#include "test/catch/catch.h"

namespace layerd::cpu {
namespace {

using Sizes = std::vector<int64_t>;

TEST_CASE("Dimensions that all operands walk alike become one") {
  const Sizes shape = {2, 8, 5, 7};
  const Sizes last = ChannelsLastStrides(shape);
  const LoopNest same = PlanLoops(shape, {last, last});
  CHECK(same.rank == 1);
  CHECK(same.row_count() == 2 * 8 * 5 * 7);

  // One number a channel: channels are the row, the rest is one loop.
  const LoopNest channels = PlanLoops(shape, {last, last, {0, 1, 0, 0}});
  CHECK(channels.rank == 2);
  CHECK(channels.row_count() == 8);
  CHECK(channels.count[0] == 2 * 5 * 7);
  CHECK(channels.row_stride() == LoopNest::Positions{1, 1, 1});

  const LoopNest scalar = PlanLoops({}, {{}, {}});
  CHECK(scalar.rank == 1);
  CHECK(scalar.row_count() == 1);
}

TEST_CASE("Every element is visited once, in rows of at most a piece") {
  const Sizes shape = {3, 2, 9001};
  const Sizes gaps = {40000, 19000, 2};
  std::vector<int> visits(3 * 40000, 0);
  const LoopNest nest = PlanLoops(shape, {gaps});
  ForEachRow(nest, [&](const LoopNest::Positions& at, int64_t count) {
    REQUIRE(count <= 4096);
    for (int64_t i = 0; i < count; ++i) ++visits[at[0] + i * 2];
  });
  CHECK(std::accumulate(visits.begin(), visits.end(), 0) == 3 * 2 * 9001);
  CHECK(*std::max_element(visits.begin(), visits.end()) == 1);
  CHECK(visits[2 * 40000 + 19000 + 2 * 9000] == 1);
}

struct Permutation {
  const char* name;
  Sizes shape, from, to;
};

TEST_CASE("Copies put every element where its strides say") {
  const auto row = GENERATE(values<Permutation>({
      {"rows", {3, 100}, {100, 1}, {200, 1}},
      {"transposition", {70, 41}, {1, 70}, {41, 1}},
      {"pictures to channels last",
       {2, 3, 50, 61},
       {9150, 3050, 61, 1},
       {9150, 1, 183, 3}},
      {"channels last to pictures",
       {2, 40, 9, 10},
       {3600, 1, 400, 40},
       {3600, 90, 10, 1}},
      {"broadcast", {5, 64}, {0, 1}, {64, 1}},
      {"every other", {5, 64}, {128, 2}, {192, 3}},
      {"a transposition among others",
       {3, 4, 33, 5},
       {20, 5, 60, 1},
       {660, 165, 1, 33}},
      {"one element", {1, 1}, {7, 7}, {9, 9}},
  }));
  const DataType type =
      GENERATE(DataType::kU8, DataType::kF16, DataType::kF32, DataType::kF64);
  INFO(row.name << ", " << NameOf(type));
  const size_t size = SizeOf(type);
  const TensorType from{type, row.shape, row.from};
  const TensorType to{type, row.shape, row.to};
  std::vector<std::byte> source(from.span_bytes());
  for (size_t i = 0; i < source.size(); ++i) {
    source[i] = static_cast<std::byte>(i * 7 + i / 251);
  }
  std::vector<std::byte> target(to.span_bytes()), expected(to.span_bytes());
  Sizes index(row.shape.size(), 0);
  for (int64_t left = from.element_count(); left > 0; --left) {
    const int64_t f = std::inner_product(index.begin(), index.end(),
                                         row.from.begin(), int64_t{0});
    const int64_t t = std::inner_product(index.begin(), index.end(),
                                         row.to.begin(), int64_t{0});
    std::memcpy(&expected[t * size], &source[f * size], size);
    for (size_t d = index.size(); d-- > 0; index[d] = 0) {
      if (++index[d] < row.shape[d]) break;
    }
  }

  StridedCopy(row.shape, type, row.from, type, row.to)
      .Run(source.data(), target.data());

  CHECK(target == expected);
}

TEST_CASE("The CPU's own half conversions give the same numbers as ours") {
  const CastRow widen = HalfRowFor(DataType::kF16, DataType::kF32);
  const CastRow narrow = HalfRowFor(DataType::kF32, DataType::kF16);
  if (widen == nullptr) {
    WARN("SKIPPED: this CPU has no half conversions");
    return;
  }
  std::vector<uint16_t> halves(1 << 16);
  std::iota(halves.begin(), halves.end(), 0);
  std::vector<float> floats(halves.size());
  widen(reinterpret_cast<const std::byte*>(halves.data()), 1,
        reinterpret_cast<std::byte*>(floats.data()), 1, halves.size());
  int different = 0;
  for (size_t i = 0; i < halves.size(); ++i) {
    const float ours = FloatFromHalf(halves[i]);
    different += std::memcmp(&floats[i], &ours, 4) != 0;
    floats[i] = std::nextafter(ours * 1.00037f, 0.0f);  // Between halves.
  }
  CHECK(different == 0);
  std::vector<uint16_t> back(halves.size());
  narrow(reinterpret_cast<const std::byte*>(floats.data()), 1,
         reinterpret_cast<std::byte*>(back.data()), 1, back.size());
  for (size_t i = 0; i < halves.size(); ++i) {
    different += back[i] != HalfFromFloat(floats[i]);
  }
  CHECK(different == 0);
}

TEST_CASE("Casts in vectors give the numbers of those one by one") {
  std::vector<float> floats = {0.0f,    -0.0f,   0.5f,    -0.5f,  -0.99f,
                               254.99f, 255.0f,  255.5f,  256.0f, -128.0f,
                               -128.9f, -129.0f, 127.99f, 1e30f,  -1e30f};
  for (const float end : {0x1p31f, 0x1p63f, 0x1p24f}) {
    for (const float near : {std::nextafter(end, 0.0f), end, 2 * end}) {
      floats.push_back(near);
      floats.push_back(-near);
    }
  }
  floats.push_back(std::numeric_limits<float>::quiet_NaN());
  floats.push_back(std::numeric_limits<float>::infinity());
  floats.push_back(-std::numeric_limits<float>::infinity());
  for (int i = -40; i < 40; ++i) floats.push_back(i * 7.31f);
  for (const DataType type :
       {DataType::kU8, DataType::kI8, DataType::kI32, DataType::kI64}) {
    INFO(NameOf(type));
    const auto count = static_cast<int64_t>(floats.size());
    const CastRow to = DenseCastRowFor(DataType::kF32, type);
    const CastRow back = DenseCastRowFor(type, DataType::kF32);
    REQUIRE(to != nullptr);
    REQUIRE(back != nullptr);
    const auto* const from = reinterpret_cast<const std::byte*>(floats.data());
    std::vector<std::byte> cast(count * SizeOf(type)), expected(cast.size());
    to(from, 1, cast.data(), 1, count);
    CastRowFor(DataType::kF32, type)(from, 1, expected.data(), 1, count);
    CHECK(cast == expected);
    std::vector<std::byte> wide(count * 4), expected_wide(count * 4);
    back(cast.data(), 1, wide.data(), 1, count);
    CastRowFor(type, DataType::kF32)(cast.data(), 1, expected_wide.data(), 1,
                                     count);
    CHECK(wide == expected_wide);
  }
}

}  // namespace
}  // namespace layerd::cpu
