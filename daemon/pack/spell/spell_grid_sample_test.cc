// Points between, beside and beyond pixels.

#include <limits>
#include <string>
#include <vector>

#include "daemon/pack/import/onnx_test_model.h"
#include "kernels/reference/reference_backend.h"
#include "test/catch/catch.h"
#include "test/sim/imported_answers.h"

namespace layerd {
namespace {

using Floats = std::vector<float>;

// What "y" is.
Floats Answer(TestModel& model, const std::vector<Floats>& inputs) {
  model.Output("y");
  return ImportedAnswers(model, inputs, *MakeReferenceBackend())[0];
}

TEST_CASE("Points between pixels are weighed, and nothing is outside") {
  TestModel model(16);
  model.Input("x", {1, 1, 2, 2});
  model.Input("grid", {1, 1, 3, 2});
  SetInt(model.Add("GridSample", {"x", "grid"}, {"y"}), "align_corners", 1);
  CHECK(Answer(model, {{1, 2, 3, 4}, {0, 0, -1, 0.5f, 2, -1}}) ==
        Floats{2.5f, 2.5f, 1});
}

// A row of four, asked at (place in the row, as the grid counts), `across` it.
Floats Sampled(const char* mode, const char* padding, bool aligns,
               const Floats& x, const Floats& grid, float across = 0) {
  const auto count = static_cast<int64_t>(grid.size());
  TestModel model(16);
  model.Input("x", {1, 1, 1, 4});
  model.Input("along", {1, 1, count, 1});
  model.Weights("across", {1, 1, count, 1}, Floats(grid.size(), across));
  SetInt(model.Add("Concat", {"along", "across"}, {"grid"}), "axis", 3);
  onnx::NodeProto* node = model.Add("GridSample", {"x", "grid"}, {"y"});
  SetString(SetString(node, "mode", mode), "padding_mode", padding);
  SetInt(node, "align_corners", aligns);
  return Answer(model, {x, grid});
}

TEST_CASE("Points outside are those of a mirror, at pixels or at their edges") {
  const Floats x = {1, 2, 3, 4};
  CHECK(Sampled("nearest", "reflection", true, x, {5 / 3.f, -5 / 3.f}) ==
        Floats{3, 2});
  CHECK(Sampled("nearest", "reflection", false, x, {1.25f, -1.75f, 9.25f}) ==
        Floats{4, 2, 4});
  CHECK(Sampled("bilinear", "reflection", true, x, {2}) == Floats{2.5f});
}

TEST_CASE("A cubic weighs four pixels of a row") {
  for (const char* padding : {"zeros", "border", "reflection"}) {
    CHECK(Sampled("bicubic", padding, true, {0, 0, 1, 0}, {0}) ==
          Floats{0.59375f});
    CHECK(Sampled("bicubic", padding, true, {0, 0, 0, 1}, {0}) ==
          Floats{-0.09375f});
  }
  // Half a pixel before the first: outside are nothing, ones, and x[1], x[2].
  const Floats x = {1, 0, 0, 8};
  CHECK(Sampled("bicubic", "zeros", true, x, {-4 / 3.f})[0] == Approx(0.59375));
  CHECK(Sampled("bicubic", "border", true, x, {-4 / 3.f})[0] ==
        Approx(0.59375 + 0.59375 - 0.09375));
}

TEST_CASE("What is infinite at the edge stays out of what lies beyond it") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const Floats x = {kInfinity, 2, 3, -kInfinity};
  // In pixels: -0.5, -2, 3.25, 1.5.
  const Floats points = {-1, -1.75f, 0.875f, 0};
  CHECK(Sampled("bilinear", "zeros", false, x, points) ==
        Floats{kInfinity, 0, -kInfinity, 2.5f});
  CHECK(Sampled("nearest", "zeros", false, x, {-1.75f, 0.875f, 0.25f}) ==
        Floats{0, -kInfinity, 3});
  // Between rows, for beside one there is no other.
  CHECK(Sampled("bilinear", "border", false, x, {-1, -1.5f, 1.375f}, 0.5f) ==
        Floats{kInfinity, kInfinity, -kInfinity});
}

// As ONNX Runtime has it.
TEST_CASE("A point that is none is at the low end of the picture") {
  struct Row {
    const char *mode, *padding;
    bool aligns;
    float answer;
  };
  const auto row = GENERATE(values<Row>({
      {"nearest", "zeros", true, 1},
      {"nearest", "border", true, 1},
      {"nearest", "reflection", false, 1},
      {"bilinear", "zeros", true, 1},
      {"bilinear", "zeros", false, 0.5f},
      {"bilinear", "border", false, 1},
      {"bilinear", "reflection", false, 1},
      {"bicubic", "zeros", true, 1},
      {"bicubic", "zeros", false, 0.40625f},
      {"bicubic", "border", false, 0.90625f},
      {"bicubic", "reflection", false, 0.8125f},
  }));
  INFO(row.mode << " " << row.padding << " " << row.aligns);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const Floats points = {kInfinity, -kInfinity,
                         std::numeric_limits<float>::quiet_NaN(),
                         std::numeric_limits<float>::max()};
  CHECK(Sampled(row.mode, row.padding, row.aligns, {1, 2, 3, 4}, points) ==
        Floats(4, row.answer));
}

}  // namespace
}  // namespace layerd
