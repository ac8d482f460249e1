#include "kernels/weight_layout.h"

#include <set>

#include "test/catch/catch.h"

namespace layerd {
namespace {

// oneDNN's OIhw4i8o4i of a 3x3 with 10 of 16 output and 20 of 32 input
// channels: blocks split dimensions 1, 0, 1.
WeightLayout Blocked() {
  WeightLayout layout;
  layout.shape = {10, 20, 3, 3};
  layout.padded_shape = {16, 32, 3, 3};
  layout.strides = {2 * 9 * 128, 9 * 128, 3 * 128, 128};
  layout.blocks = {{1, 4}, {0, 8}, {1, 4}};
  return layout;
}

TEST_CASE("A plain layout is row-major") {
  const WeightLayout layout = WeightLayout::Plain(DataType::kF32, {4, 3, 2});
  CHECK(layout.bytes() == 4 * 3 * 2 * 4);
  CHECK(layout.PositionOf(std::vector<int64_t>{2, 1, 1}) == 2 * 6 + 1 * 2 + 1);
}

TEST_CASE("Inner blocks split their dimensions, the innermost last") {
  const WeightLayout layout = Blocked();
  // Input 21 = (1 * 4 + 1) * 4 + 1; output 9 = 1 * 8 + 1.
  const int64_t expected = 1 * 2 * 9 * 128 + 1 * 9 * 128 + 2 * 3 * 128 + 128 +
                           (1 * 8 * 4 + 1 * 4 + 1);
  CHECK(layout.PositionOf(std::vector<int64_t>{9, 21, 2, 1}) == expected);
}

TEST_CASE("Each padded element has a position of its own, and none is left") {
  const WeightLayout layout = Blocked();
  std::set<int64_t> seen;
  for (int64_t o = 0; o < 16; ++o) {
    for (int64_t i = 0; i < 32; ++i) {
      for (int64_t k = 0; k < 9; ++k) {
        seen.insert(
            layout.PositionOf(std::vector<int64_t>{o, i, k / 3, k % 3}));
      }
    }
  }
  CHECK(seen.size() == layout.bytes() / 4);
  CHECK(*seen.begin() == 0);
  CHECK(*seen.rbegin() == static_cast<int64_t>(layout.bytes() / 4) - 1);
}

TEST_CASE("A layout prints what tells it from another") {
  CHECK(ToString(WeightLayout::Plain(DataType::kF32, {4, 3})) ==
        "FP32 [4, 3] strides [3, 1]");
  CHECK(ToString(Blocked()) ==
        "FP32 [10, 20, 3, 3] strides [2304, 1152, 384, 128] padded to "
        "[16, 32, 3, 3] blocks 4 of dimension 1, 8 of dimension 0, "
        "4 of dimension 1");
}

}  // namespace
}  // namespace layerd
