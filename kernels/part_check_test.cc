#include "kernels/part_check.h"

#include <functional>
#include <limits>
#include <string>

#include "kernels/type_check.h"
#include "test/catch/catch.h"
#include "test/kernels/part_sketches.h"

namespace layerd {
namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

// Channels 4 to 11 of 16, rows 1 to 3 of 5; two groups of two inputs each.
PartSpec Conv() {
  Convolution op{2, {2, 2}, {1, 1}, {1, 1}, {1, 1}, true, true, {}};
  return {op,
          {PlainType({1, 4, 9, 9}), PlainType({1, 16, 5, 5})},
          {PlainPiece({1, 8, 2, 3, 3}), PlainPiece({8})},
          {PlainType({1, 16, 5, 5})},
          {8, 8},
          {1, 3}};
}

PartSpec Pooling() {
  return {Pool{Pool::Kind::kMax, {3}, {2}, {1}, {0}, {0}, false},
          {PlainType({1, 4, 8})},
          {},
          {PlainType({1, 4, 3})},
          {},
          {}};
}

PartSpec Product() {
  return {MatMul{}, {PlainType({5, 1, 2, 3}), PlainType({4, 3, 7})},
          {},       {PlainType({5, 4, 2, 7})},
          {},       {}};
}

PartSpec Padding() {
  return {Pad{Pad::Mode::kReflect, {2, -1}, {2, 1}, 0},
          {PlainType({3, 6})},
          {},
          {PlainType({7, 6})},
          {},
          {}};
}

PartSpec Sum() {
  return {Binary{Binary::Kind::kAdd, Binary::Constant::kRight, {}},
          {PlainType({2, 3, 4})},
          {PlainPiece({3, 1})},
          {PlainType({2, 3, 4})},
          {},
          {}};
}

PartSpec Transposed() {
  return {ConvTranspose{2, {2}, {1}, {1}, {0}, true, {}},
          {PlainType({1, 4, 5})},
          {PlainPiece({1, 3, 2, 3}), PlainPiece({3})},
          {PlainType({1, 6, 11})},
          {3, 3},
          {0, 11}};
}

PartSpec RunTimeKernel() {
  Convolution op{1, {1}, {1}, {0}, {0}};
  op.kernel_is_input = true;
  return {op,     {PlainType({1, 4, 9}), PlainType({6, 4, 3})},
          {},     {PlainType({1, 6, 7})},
          {0, 6}, {0, 7}};
}

PartSpec Norm() {
  return {LayerNorm{1, 1e-5f, true, true},
          {PlainType({2, 3, 4})},
          {PlainPiece({3, 4}), PlainPiece({3, 4})},
          {PlainType({2, 3, 4})},
          {},
          {}};
}

PartSpec Reduction() {
  return {Reduce{Reduce::Kind::kSum, {0, 2}},
          {PlainType({2, 3, 4})},
          {},
          {PlainType({1, 3, 1})},
          {},
          {}};
}

PartSpec Lookup() {
  TensorType indices = PlainType({2, 5});
  indices.dtype = DataType::kI64;
  return {Gather{1}, {PlainType({3, 9, 4}), indices},
          {},        {PlainType({3, 2, 5, 4})},
          {},        {}};
}

PartSpec Choice() {
  TensorType condition = PlainType({3, 1});
  condition.dtype = DataType::kBool;
  return {Select{}, {condition, PlainType({}), PlainType({2, 1, 4})},
          {},       {PlainType({2, 3, 4})},
          {},       {}};
}

PartSpec Stretch() {
  Resize op{Resize::Mode::kLinear};
  op.scales = {1, 2};
  return {op, {PlainType({3, 4})}, {}, {PlainType({3, 8})}, {}, {}};
}

template <typename Op>
Op& As(PartSpec& spec) {
  return std::get<Op>(spec.op);
}

Convolution& ConvOf(PartSpec& spec) { return std::get<Convolution>(spec.op); }
Pool& PoolOf(PartSpec& spec) { return std::get<Pool>(spec.op); }
Pad& PadOf(PartSpec& spec) { return std::get<Pad>(spec.op); }

TEST_CASE("Sound parts pass") {
  CHECK(CheckPlacedPart(Conv()).ok());
  CHECK(CheckPlacedPart(ConnectedPart()).ok());
  CHECK(CheckPlacedPart(Pooling()).ok());
  CHECK(CheckPlacedPart(Product()).ok());
  CHECK(CheckPlacedPart(Padding()).ok());
  CHECK(CheckPlacedPart(Sum()).ok());
  CHECK(CheckPlacedPart(Transposed()).ok());
  CHECK(CheckPlacedPart(RunTimeKernel()).ok());
  CHECK(CheckPlacedPart(Norm()).ok());
  CHECK(CheckPlacedPart(Reduction()).ok());
  CHECK(CheckPlacedPart(Lookup()).ok());
  CHECK(CheckPlacedPart(Choice()).ok());
  CHECK(CheckPlacedPart(Stretch()).ok());
}

TEST_CASE("A pooled output may be one longer: its last window hangs over") {
  PartSpec spec = Pooling();
  spec.outputs[0] = PlainType({1, 4, 4});
  CHECK(CheckPart(spec).ok());
  // Not if that window would start in the padding at the end.
  PoolOf(spec) = {Pool::Kind::kMax, {1}, {3}, {1}, {0}, {0}, false};
  spec.inputs[0] = PlainType({1, 4, 9});
  CHECK_FALSE(CheckPart(spec).ok());
}

struct Spoiled {
  const char* name;
  PartSpec (*sound)();
  std::function<void(PartSpec&)> spoil;
  const char* message;
};

// Each row spoils one field and gives the words of the refusal.
std::vector<Spoiled> SpoiledParts() {
  return {
      {"missing residual", Conv, [](PartSpec& s) { s.inputs.pop_back(); },
       "1 inputs"},
      {"missing bias", Conv, [](PartSpec& s) { s.weights.pop_back(); },
       "1 weights"},
      {"no output", Conv, [](PartSpec& s) { s.outputs.clear(); }, "0 outputs"},
      {"zero stride", Conv, [](PartSpec& s) { ConvOf(s).strides[1] = 0; },
       "strides: 0"},
      {"huge dilation", Conv,
       [](PartSpec& s) { ConvOf(s).dilations[0] = kMost; }, "dilations"},
      {"negative pad", Conv, [](PartSpec& s) { ConvOf(s).pads_end[0] = -1; },
       "pads_end: -1"},
      {"too few numbers", Conv,
       [](PartSpec& s) { ConvOf(s).pads_begin.pop_back(); }, "1 numbers for 2"},
      {"zero groups", Conv, [](PartSpec& s) { ConvOf(s).groups = 0; },
       "0 groups"},
      {"groups that do not divide", Conv,
       [](PartSpec& s) { ConvOf(s).groups = 3; }, "3 groups"},
      {"cut group", Conv,
       [](PartSpec& s) {
         s.channels = {4, 8};
       },
       "cut a group of 8"},
      {"channels past the end", Conv,
       [](PartSpec& s) {
         s.channels = {8, 16};
       },
       "not within 0 to 16"},
      {"channels that overflow", Conv,
       [](PartSpec& s) {
         s.channels = {8, kMost};
       },
       "not within"},
      {"negative channels", Conv,
       [](PartSpec& s) {
         s.channels = {-8, 8};
       },
       "not within"},
      {"rows past the end", Conv,
       [](PartSpec& s) {
         s.rows = {3, 3};
       },
       "rows [3, +3)"},
      {"no rows", Conv,
       [](PartSpec& s) {
         s.rows = {3, 0};
       },
       "rows"},
      {"other channels in the kernel", Conv,
       [](PartSpec& s) {
         s.weights[0] = PlainPiece({1, 8, 4, 3, 3});
       },
       "kernel"},
      {"kernel without groups", Conv,
       [](PartSpec& s) {
         s.weights[0] = PlainPiece({8, 2, 3, 3});
       },
       "kernel"},
      {"another output", Conv,
       [](PartSpec& s) {
         s.outputs[0] = PlainType({1, 16, 6, 5});
       },
       "output"},
      {"kernel larger than the picture", Conv,
       [](PartSpec& s) {
         s.weights[0] = PlainPiece({1, 8, 2, 12, 3});
       },
       "a window of 12"},
      {"another residual", Conv,
       [](PartSpec& s) {
         s.inputs[1] = PlainType({1, 16, 5, 1});
       },
       "residual"},
      {"short bias", Conv, [](PartSpec& s) { s.weights[1] = PlainPiece({7}); },
       "bias"},
      {"unknown activation", Conv,
       [](PartSpec& s) {
         ConvOf(s).activation.kind = static_cast<ActivationKind>(77);
       },
       "activation 77"},
      {"input that is no picture", Conv,
       [](PartSpec& s) {
         s.inputs[0] = PlainType({1, 4});
       },
       "rank"},
      {"unaligned weights", Conv,
       [](PartSpec& s) { s.weights[1].offset_bytes = 128; }, "offset 128"},
      {"output over itself", Conv,
       [](PartSpec& s) { s.outputs[0].strides[1] = 0; }, "overlaps itself"},
      {"negative stride", Conv,
       [](PartSpec& s) { s.inputs[0].strides[2] = -9; }, "stride -9"},
      {"zero size", Conv, [](PartSpec& s) { s.inputs[0].shape[0] = 0; },
       "size 0"},
      {"unknown datatype", Conv,
       [](PartSpec& s) { s.inputs[0].dtype = static_cast<DataType>(13); },
       "datatype 13"},
      {"unknown transform", Conv,
       [](PartSpec& s) {
         s.weights[0].layout.transform = WeightLayout::Transform{7};
       },
       "transform 7"},
      {"a transform that stores too little", Conv,
       [](PartSpec& s) {
         s.weights[0].layout.transform = WeightLayout::Transform::kWinograd;
       },
       "transform 1"},
      {"too large", Conv,
       [](PartSpec& s) {
         s.inputs[0].strides[0] = s.inputs[0].strides[1] = 1;
         s.inputs[0].strides[2] = kMost / 2;
       },
       "too large"},
      {"another depth", ConnectedPart,
       [](PartSpec& s) {
         s.weights[0] = PlainPiece({4, 9});
       },
       "weights"},
      {"rows past the batch", ConnectedPart,
       [](PartSpec& s) {
         s.rows = {2, 5};
       },
       "rows"},
      {"another leading dimension", ConnectedPart,
       [](PartSpec& s) {
         s.outputs[0] = PlainType({3, 3, 10});
       },
       "output"},
      {"too many places", Pooling,
       [](PartSpec& s) {
         s.outputs[0] = PlainType({1, 4, 5});
       },
       "expected 3 or 4"},
      {"too few places", Pooling,
       [](PartSpec& s) {
         s.outputs[0] = PlainType({1, 4, 2});
       },
       "expected 3 or 4"},
      {"other channels", Pooling,
       [](PartSpec& s) {
         s.outputs[0] = PlainType({1, 5, 3});
       },
       "output"},
      {"empty window", Pooling, [](PartSpec& s) { PoolOf(s).kernel[0] = 0; },
       "kernel: 0"},
      {"unequal depths", Product,
       [](PartSpec& s) {
         s.inputs[1] = PlainType({4, 2, 7});
       },
       "b is"},
      {"batches that do not broadcast", Product,
       [](PartSpec& s) {
         s.inputs[0] = PlainType({5, 3, 2, 3});
       },
       "do not broadcast"},
      {"too long a reflection", Padding,
       [](PartSpec& s) {
         PadOf(s).begin[0] = 3;
         s.outputs[0] = PlainType({8, 6});
       },
       "cannot reflect 3"},
      {"crop of everything", Padding,
       [](PartSpec& s) { PadOf(s).begin[1] = -7; }, "nothing of 6 is left"},
      {"pads that overflow", Padding,
       [](PartSpec& s) { PadOf(s).end[1] = kMost; }, "pads"},
      {"constant and second input", Sum,
       [](PartSpec& s) { s.inputs.push_back(s.inputs[0]); }, "2 inputs"},
      {"constant that does not broadcast", Sum,
       [](PartSpec& s) {
         s.weights[0] = PlainPiece({2, 1});
       },
       "do not broadcast"},
      {"output that is not the broadcast", Sum,
       [](PartSpec& s) {
         s.outputs[0] = PlainType({2, 3, 1});
       },
       "output"},
      {"truths that nobody activates", Sum,
       [](PartSpec& s) { As<Binary>(s).activation = {ActivationKind::kNot}; },
       "activation 30"},
      {"unknown kind", Sum,
       [](PartSpec& s) { As<Binary>(s).kind = static_cast<Binary::Kind>(99); },
       "kind 99"},
      {"too short a spread", Transposed,
       [](PartSpec& s) {
         s.outputs[0] = PlainType({1, 6, 9});
       },
       "9 places"},
      {"far too long a spread", Transposed,
       [](PartSpec& s) {
         s.outputs[0] = PlainType({1, 6, 1 << 20});
       },
       "places"},
      {"cut group, transposed", Transposed,
       [](PartSpec& s) {
         s.channels = {1, 3};
       },
       "cut a group of 3"},
      {"another batch", Transposed,
       [](PartSpec& s) {
         s.outputs[0] = PlainType({2, 6, 11});
       },
       "output is"},
      {"a bias beside a run-time kernel", RunTimeKernel,
       [](PartSpec& s) { ConvOf(s).has_bias = true; }, "goes alone"},
      {"a part of a run-time kernel", RunTimeKernel,
       [](PartSpec& s) {
         s.channels = {0, 3};
         s.inputs[1] = PlainType({3, 4, 3});
       },
       "its kernel is an input"},
      {"a run-time kernel that does not fit", RunTimeKernel,
       [](PartSpec& s) {
         s.inputs[1] = PlainType({6, 5, 3});
       },
       "kernel"},
      {"no dimensions to normalise", Norm,
       [](PartSpec& s) { As<LayerNorm>(s).axis_first = 3; }, "dimensions"},
      {"a dimension before the first", Norm,
       [](PartSpec& s) { As<LayerNorm>(s).axis_first = -kMost; }, "dimensions"},
      {"a scale of another shape", Norm,
       [](PartSpec& s) { s.weights[0] = PlainPiece({4}); }, "scale"},
      {"dimensions out of order", Reduction,
       [](PartSpec& s) {
         As<Reduce>(s).dimensions = {2, 0};
       },
       "dimensions"},
      {"no such dimension", Reduction,
       [](PartSpec& s) { As<Reduce>(s).dimensions = {3}; }, "dimensions"},
      {"dimensions that stay", Reduction,
       [](PartSpec& s) {
         s.outputs[0] = PlainType({1, 3, 4});
       },
       "output"},
      {"the place along two", Reduction,
       [](PartSpec& s) {
         As<Reduce>(s).kind = Reduce::Kind::kArgMax;
         s.outputs[0].dtype = DataType::kI64;
       },
       "2 dimensions"},
      {"an axis past the last", Lookup,
       [](PartSpec& s) { As<Gather>(s).axis = 3; }, "axis"},
      {"a lookup of another shape", Lookup,
       [](PartSpec& s) {
         s.outputs[0] = PlainType({3, 5, 2, 4});
       },
       "output"},
      {"a choice that does not broadcast", Choice,
       [](PartSpec& s) { s.inputs[1] = PlainType({5}); }, "do not broadcast"},
      {"a scale that is no number", Stretch,
       [](PartSpec& s) {
         As<Resize>(s).scales[1] = std::numeric_limits<float>::quiet_NaN();
       },
       "scale nan"},
      {"no scale", Stretch,
       [](PartSpec& s) { As<Resize>(s).scales.pop_back(); }, "1 scales"},
      {"a crop without region", Stretch,
       [](PartSpec& s) {
         As<Resize>(s).coordinate = Resize::Coordinate::kCropAndResize;
       },
       "region"},
      {"sums of far more than there is", Stretch,
       [](PartSpec& s) {
         As<Resize>(s).antialiases = true;
         As<Resize>(s).scales[1] = 1e-6f;
       },
       "is not scale"},
  };
}

TEST_CASE("An unsound part is refused with the field that is wrong") {
  for (const Spoiled& row : SpoiledParts()) {
    INFO(row.name);
    PartSpec spec = row.sound();
    row.spoil(spec);

    const absl::Status status = CheckPlacedPart(spec);

    CHECK(absl::IsInvalidArgument(status));
    const std::string message(status.message());
    CHECK_THAT(message, Catch::Contains(row.message) &&
                            Catch::StartsWith(NameOf(spec.op)));
  }
}

TEST_CASE("Datatypes that nobody computes on are unimplemented, not unsound") {
  PartSpec spec = Conv();
  spec.inputs[0].dtype = DataType::kF16;
  CHECK(absl::IsUnimplemented(CheckPart(spec)));
  spec = Conv();
  spec.weights[0].layout.dtype = DataType::kF64;
  CHECK(absl::IsUnimplemented(CheckPart(spec)));
  spec = Sum();
  spec.weights[0].layout.dtype = DataType::kF16;
  CHECK(absl::IsUnimplemented(CheckPart(spec)));
}

TEST_CASE("A weight layout must keep every element inside its bytes") {
  WeightLayout layout = WeightLayout::Plain(DataType::kF32, {10, 20});
  layout.padded_shape = {16, 32};
  layout.strides = {32 * 16, 16};
  layout.blocks = {{0, 16}};
  REQUIRE(CheckWeightLayout(layout).ok());

  SECTION("a stride too long") { layout.strides[1] = 17; }
  SECTION("a block that does not divide") { layout.blocks[0].size = 3; }
  SECTION("a block of nothing") { layout.blocks[0].size = 0; }
  SECTION("a block of no dimension") { layout.blocks[0].dimension = 2; }
  SECTION("less than its shape") { layout.padded_shape[1] = 16; }
  SECTION("a huge shape") { layout.padded_shape = {int64_t{1} << 62, 1 << 30}; }
  SECTION("a stride that overflows") { layout.strides[1] = kMost; }
  SECTION("a dimension without stride") { layout.strides.pop_back(); }
  CHECK(absl::IsInvalidArgument(CheckWeightLayout(layout)));
}

}  // namespace
}  // namespace layerd
