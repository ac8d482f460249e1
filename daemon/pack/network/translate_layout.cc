// Where elements move, and what looks them up.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/pack/network/translator.h"

namespace layerd {
namespace {

using Shape = std::vector<int64_t>;

}  // namespace

absl::Status Translator::Finish(const Node& node, int value, int output) {
  if (network_.values[value].dtype != network_.values[output].dtype) {
    const int narrow =
        NewValue(node, ShapeOf(value), network_.values[output].dtype);
    Append(node, Operator(Copy{}), {value}, narrow);
    value = narrow;
  }
  // What is recognised later sees no further than the next Reshape. What the
  // graph has a name for others may read.
  const bool is_own = value >= static_cast<int>(graph_.values.size());
  if (is_own && network_.nodes.back().output == value &&
      ShapeOf(value) == ShapeOf(output)) {
    network_.nodes.back().output = output;
    return absl::OkStatus();
  }
  Append(node, Reshape{}, {value}, output);
  return absl::OkStatus();
}

absl::Status Translator::TakeConcat(const Node& node) {
  Append(node, Concat{IntOf(node, "axis")}, node.inputs, node.outputs[0]);
  return absl::OkStatus();
}

absl::Status Translator::TakeReshape(const Node& node) {
  Append(node, Reshape{}, {node.inputs[0]}, node.outputs[0]);
  return absl::OkStatus();
}

absl::Status Translator::TakeTranspose(const Node& node) {
  Append(node, Transpose{IntsOf(node, "perm")}, {node.inputs[0]},
         node.outputs[0]);
  return absl::OkStatus();
}

absl::Status Translator::TakeExpand(const Node& node) {
  Append(node, Expand{}, {node.inputs[0]}, node.outputs[0]);
  return absl::OkStatus();
}

// Numbers of our own: a layer that copies them out of its weights.
int Translator::AppendIntegers(const Node& node, Shape numbers) {
  const int output =
      NewValue(node, {static_cast<int64_t>(numbers.size())}, DataType::kI64);
  Append(node, Operator(Copy{}), {}, output).weights = {
      Weight::Integers(std::move(numbers))};
  return output;
}

// A view, but for dimensions that are walked down: those are looked up.
absl::Status Translator::TakeSlice(const Node& node) {
  Slice slice = {IntsOf(node, "starts"), IntsOf(node, "steps")};
  const Shape to = ShapeOf(node.outputs[0]);
  int value = node.inputs[0];
  for (size_t d = 0; d < to.size(); ++d) {
    if (slice.steps[d] > 0) continue;
    Shape places;
    for (int64_t i = 0; i < to[d]; ++i) {
      places.push_back(slice.starts[d] + i * slice.steps[d]);
    }
    Shape shape = ShapeOf(value);
    shape[d] = to[d];
    const int indices = AppendIntegers(node, std::move(places));
    const int output =
        NewValue(node, std::move(shape), network_.values[value].dtype);
    Append(node, Operator(Gather{static_cast<int64_t>(d)}), {value, indices},
           output);
    value = output;
    slice.starts[d] = 0;
    slice.steps[d] = 1;
  }
  Append(node, std::move(slice), {value}, node.outputs[0]);
  return absl::OkStatus();
}

// Known indices that are one run are a slice. All others are looked up at run
// time, in a constant as it lies or in what was computed.
absl::Status Translator::TakeGather(const Node& node) {
  const int64_t axis = IntOf(node, "axis");
  const int data = node.inputs[0];
  const int indices = node.inputs[1];
  if (IsConstant(indices)) {
    ASSIGN_OR_RETURN(const bool is_slice, AppendAsSlice(node, axis));
    if (is_slice) return absl::OkStatus();
  }
  if (IsConstant(data)) {
    Append(node, Operator(Gather{axis}), {indices}, node.outputs[0]).weights = {
        WeightOf(data)};
  } else {
    Append(node, Operator(Gather{axis}), {data, indices}, node.outputs[0]);
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Translator::AppendAsSlice(const Node& node, int64_t axis) {
  ASSIGN_OR_RETURN(
      Shape places,
      graph_.ReadI64(
          graph_.constants[network_.values[node.inputs[1]].constant]));
  Shape shape = ShapeOf(node.inputs[0]);
  const auto along = static_cast<size_t>(axis);
  for (int64_t& place : places) {
    if (place < -shape[along] || place >= shape[along]) {
      return absl::InvalidArgumentError(
          absl::StrFormat("%s: index %d is not one of %d", Describe(node),
                          place, shape[along]));
    }
    if (place < 0) place += shape[along];
  }
  const int64_t step = places.size() > 1 ? places[1] - places[0] : 1;
  for (size_t i = 1; i < places.size(); ++i) {
    if (step < 1 || places[i] - places[i - 1] != step) return false;
  }
  Slice slice = {Shape(shape.size(), 0), Shape(shape.size(), 1)};
  slice.starts[along] = places[0];
  slice.steps[along] = step;
  shape[along] = static_cast<int64_t>(places.size());
  const int output =
      NewValue(node, std::move(shape), network_.values[node.outputs[0]].dtype);
  Append(node, std::move(slice), {node.inputs[0]}, output);
  Append(node, Reshape{}, {output}, node.outputs[0]);
  return true;
}

absl::Status Translator::AppendRearranged(const Node& node, Shape split,
                                          Shape permutation) {
  const int pieces = Reshaped(node, node.inputs[0], split);
  Shape shape;
  for (const int64_t d : permutation) {
    shape.push_back(split[static_cast<size_t>(d)]);
  }
  const int moved =
      NewValue(node, std::move(shape), network_.values[node.outputs[0]].dtype);
  Append(node, Transpose{std::move(permutation)}, {pieces}, moved);
  Append(node, Reshape{}, {moved}, node.outputs[0]);
  return absl::OkStatus();
}

absl::Status Translator::TakeDepthToSpace(const Node& node) {
  const Shape x = ShapeOf(node.inputs[0]);
  const int64_t b = IntOf(node, "blocksize");
  if (StringOf(node, "mode") == "DCR") {
    return AppendRearranged(node, {x[0], b, b, x[1] / (b * b), x[2], x[3]},
                            {0, 3, 4, 1, 5, 2});
  }
  return AppendRearranged(node, {x[0], x[1] / (b * b), b, b, x[2], x[3]},
                          {0, 1, 4, 2, 5, 3});
}

absl::Status Translator::TakeSpaceToDepth(const Node& node) {
  const Shape x = ShapeOf(node.inputs[0]);
  const int64_t b = IntOf(node, "blocksize");
  const Shape split = {x[0], x[1], x[2] / b, b, x[3] / b, b};
  return AppendRearranged(node, split,
                          StringOf(node, "mode") == "DCR"
                              ? Shape{0, 3, 5, 1, 2, 4}
                              : Shape{0, 1, 3, 5, 2, 4});
}

// Each dimension that repeats gets one of size 1 in front, which expands.
absl::Status Translator::TakeTile(const Node& node) {
  const Shape& repeats = IntsOf(node, "repeats");
  const Shape x = ShapeOf(node.inputs[0]);
  Shape split, wide;
  for (size_t d = 0; d < x.size(); ++d) {
    if (repeats[d] != 1) {
      split.push_back(1);
      wide.push_back(repeats[d]);
    }
    split.push_back(x[d]);
    wide.push_back(x[d]);
  }
  if (split.size() > kRankMax) {
    return absl::UnimplementedError(
        absl::StrCat(Describe(node), ": too many dimensions repeat; ", kRankMax,
                     " dimensions and repeats together are supported"));
  }
  const DataType dtype = network_.values[node.outputs[0]].dtype;
  const int pieces = Reshaped(node, node.inputs[0], std::move(split));
  const int expanded = NewValue(node, std::move(wide), dtype);
  Append(node, Expand{}, {pieces}, expanded);
  Append(node, Reshape{}, {expanded}, node.outputs[0]);
  return absl::OkStatus();
}

absl::Status Translator::TakeResize(const Node& node) {
  using Coordinate = Resize::Coordinate;
  using Nearest = Resize::Nearest;
  const std::string& mode = StringOf(node, "mode");
  const std::string& coordinate =
      StringOf(node, "coordinate_transformation_mode");
  const std::string& nearest = StringOf(node, "nearest_mode");
  Resize op;
  op.mode = mode == "nearest"  ? Resize::Mode::kNearest
            : mode == "linear" ? Resize::Mode::kLinear
                               : Resize::Mode::kCubic;
  op.coordinate =
      coordinate == "half_pixel"             ? Coordinate::kHalfPixel
      : coordinate == "half_pixel_symmetric" ? Coordinate::kHalfPixelSymmetric
      : coordinate == "pytorch_half_pixel"   ? Coordinate::kPytorchHalfPixel
      : coordinate == "align_corners"        ? Coordinate::kAlignCorners
      : coordinate == "asymmetric"           ? Coordinate::kAsymmetric
      : coordinate == "tf_half_pixel_for_nn" ? Coordinate::kHalfPixelForNearest
                                             : Coordinate::kCropAndResize;
  op.nearest = nearest == "round_prefer_floor"  ? Nearest::kRoundPreferFloor
               : nearest == "round_prefer_ceil" ? Nearest::kRoundPreferCeil
               : nearest == "floor"             ? Nearest::kFloor
               : nearest == "ceil"              ? Nearest::kCeil
                                                : Nearest::kSimple;
  op.cubic_a = FloatOf(node, "cubic_coeff_a");
  op.excludes_outside = IntOf(node, "exclude_outside") != 0;
  op.antialiases = IntOf(node, "antialias") != 0;
  op.extrapolation_value = FloatOf(node, "extrapolation_value");
  op.scales = FloatsOf(node, "scales");
  const std::vector<float>& roi = FloatsOf(node, "roi");
  const auto half = static_cast<int64_t>(roi.size() / 2);
  op.roi_begin.assign(roi.begin(), roi.begin() + half);
  op.roi_end.assign(roi.begin() + half, roi.end());
  AppendOfFloats(node, Operator(std::move(op)));
  return absl::OkStatus();
}

}  // namespace layerd
