#include "kernels/resize_taps.h"

#include <numeric>

#include "test/catch/catch.h"
#include "test/scratch/peak_memory.h"

namespace layerd {
namespace {

using Coordinate = Resize::Coordinate;
using Mode = Resize::Mode;
using Nearest = Resize::Nearest;

Resize Op(Mode mode, Coordinate coordinate, float scale,
          Nearest nearest = Nearest::kRoundPreferFloor) {
  Resize op;
  op.mode = mode;
  op.coordinate = coordinate;
  op.nearest = nearest;
  op.scales = {scale};
  return op;
}

// The element of x for each of y.
std::vector<int64_t> Sources(const ResizeTaps& taps, int64_t count) {
  std::vector<int64_t> from;
  for (int64_t to = 0; to < count; ++to) from.push_back(taps.Of(to)[0].from);
  return from;
}

// What 0, 1, 2, ... becomes.
std::vector<float> Ramp(const ResizeTaps& taps, int64_t count) {
  std::vector<float> values;
  for (int64_t to = 0; to < count; ++to) {
    float sum = 0;
    for (const ResizeTaps::Tap& tap : taps.Of(to)) sum += tap.weight * tap.from;
    values.push_back(sum);
  }
  return values;
}

TEST_CASE("The nearest element, by coordinates and rounding") {
  struct Row {
    const char* name;
    Resize op;
    int64_t from, to;
    std::vector<int64_t> sources;
  };
  const std::vector<Row> rows = {
      {"twice, floor",
       Op(Mode::kNearest, Coordinate::kAsymmetric, 2, Nearest::kFloor),
       3,
       6,
       {0, 0, 1, 1, 2, 2}},
      {"twice, half pixel",
       Op(Mode::kNearest, Coordinate::kHalfPixel, 2),
       3,
       6,
       {0, 0, 1, 1, 2, 2}},
      {"to three fifths",
       Op(Mode::kNearest, Coordinate::kHalfPixel, 0.6f),
       5,
       3,
       {0, 2, 4}},
      {"twice, ceil",
       Op(Mode::kNearest, Coordinate::kAsymmetric, 2, Nearest::kCeil),
       3,
       6,
       {0, 1, 1, 2, 2, 2}},
      {"a tie goes down",
       Op(Mode::kNearest, Coordinate::kAsymmetric, 2),
       3,
       6,
       {0, 0, 1, 1, 2, 2}},
      {"a tie goes up",
       Op(Mode::kNearest, Coordinate::kAsymmetric, 2,
          Nearest::kRoundPreferCeil),
       3,
       6,
       {0, 1, 1, 2, 2, 2}},
      {"corners",
       Op(Mode::kNearest, Coordinate::kAlignCorners, 7.0f / 4),
       4,
       7,
       {0, 0, 1, 1, 2, 2, 3}},
      {"old, down",
       Op(Mode::kNearest, Coordinate::kAsymmetric, 0.6f, Nearest::kSimple),
       5,
       3,
       {0, 2, 4}},
  };
  for (const Row& row : rows) {
    INFO(row.name);
    CHECK(Sources(ResizeTaps(row.op, 0, row.from, row.to), row.to) ==
          row.sources);
  }
}

TEST_CASE("Linear resizing keeps a ramp where it does not touch the ends") {
  const Resize op = Op(Mode::kLinear, Coordinate::kHalfPixel, 2);
  const std::vector<float> ramp = Ramp(ResizeTaps(op, 0, 4, 8), 8);
  CHECK(ramp ==
        std::vector<float>{0, 0.25f, 0.75f, 1.25f, 1.75f, 2.25f, 2.75f, 3});
}

TEST_CASE("Cubic resizing takes four elements") {
  const Resize op = Op(Mode::kCubic, Coordinate::kHalfPixel, 2);
  const ResizeTaps taps(op, 0, 8, 16);
  CHECK(taps.taps_max() == 4);
  // Keys' numbers for a quarter and a = -0.75.
  REQUIRE(taps.Of(8).size() == 4);
  CHECK(taps.Of(8)[0].weight == Approx(-0.03515625));
  CHECK(taps.Of(8)[1].weight == Approx(0.26171875));
}

TEST_CASE("Antialiasing sums more elements, and they still weigh one") {
  Resize op = Op(Mode::kLinear, Coordinate::kHalfPixel, 0.25f);
  op.antialiases = true;
  const ResizeTaps taps(op, 0, 32, 8);
  CHECK(taps.taps_max() >= 7);
  for (int64_t to = 0; to < 8; ++to) {
    float sum = 0;
    for (const ResizeTaps::Tap& tap : taps.Of(to)) sum += tap.weight;
    CHECK(sum == Approx(1));
  }
  CHECK(Ramp(taps, 8)[4] == Approx(17.5));
}

TEST_CASE("A crop has no taps outside") {
  Resize op = Op(Mode::kLinear, Coordinate::kCropAndResize, 1);
  op.roi_begin = {-0.5f};
  op.roi_end = {0.5f};
  const ResizeTaps taps(op, 0, 5, 5);
  CHECK(taps.Of(0).empty());
  CHECK(taps.Of(1).empty());
  REQUIRE(taps.Of(2).size() == 1);
  CHECK(taps.Of(4)[0].from == 2);
}

TEST_CASE("Whatever the numbers, positions stay inside") {
  for (const Mode mode : {Mode::kNearest, Mode::kLinear, Mode::kCubic}) {
    for (int c = 0; c <= static_cast<int>(Coordinate::kCropAndResize); ++c) {
      for (const float scale : {6e-8f, 0.1f, 1.0f, 3.7f, 1.6e7f}) {
        Resize op = Op(mode, static_cast<Coordinate>(c), scale);
        op.roi_begin = {-1e30f};
        op.roi_end = {1e30f};
        for (const bool excludes : {false, true}) {
          op.excludes_outside = excludes;
          const ResizeTaps taps(op, 0, 3, 9);
          for (int64_t to = 0; to < 9; ++to) {
            for (const ResizeTaps::Tap& tap : taps.Of(to)) {
              CHECK(tap.from >= 0);
              CHECK(tap.from < 3);
            }
          }
        }
      }
    }
  }
}

// Its float is one more.
TEST_CASE("Taps that lie outside take no memory, however many there are") {
  Resize op = Op(Mode::kLinear, Coordinate::kHalfPixel, 1.0f / (1 << 24));
  op.antialiases = true;
  const uint64_t before = PeakMemoryBytes();

  const ResizeTaps taps(op, 0, /*from_size=*/4, /*to_size=*/1);

  CHECK(taps.Of(0).size() == 4);
  CHECK(ResizeTaps::MostOf(op, 0, 4) == 4);
  CHECK(PeakMemoryBytes() - before < 64 << 20);
}

TEST_CASE("The last of seventeen million elements is the last") {
  constexpr int64_t kCount = 16'777'220;
  REQUIRE(static_cast<int64_t>(static_cast<float>(kCount - 1)) == kCount);
  for (const Nearest nearest : {Nearest::kFloor, Nearest::kCeil}) {
    const ResizeTaps taps(
        Op(Mode::kNearest, Coordinate::kAlignCorners, 1e-6f, nearest), 0,
        kCount, 2);
    CHECK(Sources(taps, 2) == std::vector<int64_t>{0, kCount - 1});
  }
}

}  // namespace
}  // namespace layerd
