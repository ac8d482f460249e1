#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/operators/constant_folding.h"

namespace layerd {
namespace {

int64_t RunOf(const Folding& node) {
  const std::vector<int64_t>& shape = *node.output().shape;
  const auto axis = node.attribute<int64_t>("axis");
  if (shape.empty()) return 1;
  return std::max<int64_t>(
      CountOf(std::span(shape).subspan(static_cast<size_t>(axis) + 1)), 1);
}

Constant ByBlocks(const Folding& node, Constant constant) {
  const bool has_zeros =
      node.node().inputs.size() > 2 && node.node().inputs[2] != kAbsent;
  Constant::Blocks blocks;
  blocks.scales = node.input(1).constant;
  blocks.zeros = has_zeros ? node.input(2).constant : -1;
  blocks.length = node.attribute<int64_t>("block_size");
  blocks.axis_length =
      (*node.output()
            .shape)[static_cast<size_t>(node.attribute<int64_t>("axis"))];
  constant.run_elements = RunOf(node);
  constant.blocks = blocks;
  return constant;
}

// What InStepsOfOne() made.
bool IsInStepsOfOne(const Constant& constant) {
  return constant.scales == std::vector<float>{1} &&
         constant.zero_points.empty();
}

// The one axis along which a shape is longer than 1; its rank if there is none.
std::optional<size_t> OnlyAxis(const std::vector<int64_t>& shape) {
  size_t axis = shape.size();
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] == 1) continue;
    if (axis < shape.size()) return std::nullopt;
    axis = d;
  }
  return axis;
}

// Which input of a Mul is in steps of one that the other one scales.
std::optional<size_t> StepsOf(const Folding& node) {
  for (const size_t i : {0, 1}) {
    const bool is_scaled = IsInStepsOfOne(node.constant(i)) &&
                           *node.input(i).shape == *node.output().shape;
    if (is_scaled && OnlyAxis(*node.input(1 - i).shape)) return i;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Constant> InStepsOfOne(const Constant& bytes, DataType to) {
  const bool is_bytes =
      bytes.dtype == DataType::kI8 || bytes.dtype == DataType::kU8;
  if (!is_bytes || to != DataType::kF32 || bytes.file < 0 ||
      bytes.is_quantised() || bytes.is_nibbles) {
    return std::nullopt;
  }
  Constant steps = bytes;
  steps.scales = {1};
  return steps;
}

bool ScalesSteps(const Folding& node) {
  return node.node().op_type == "Mul" && StepsOf(node).has_value();
}

absl::StatusOr<Constant> FoldMul(const Folding& node) {
  const std::optional<size_t> i = StepsOf(node);
  if (!i) return FoldProduct(node);
  const std::vector<int64_t>& scales_shape = *node.input(1 - *i).shape;
  const size_t axis = *OnlyAxis(scales_shape);
  Constant scaled = node.constant(*i);
  ASSIGN_OR_RETURN(scaled.scales, node.Load<float>(1 - *i));
  if (axis < scales_shape.size()) {
    scaled.run_elements =
        CountOf(std::span(scaled.shape).last(scales_shape.size() - axis - 1));
  }
  RETURN_IF_ERROR(node.TakeHeld(scaled.held_bytes()));
  return scaled;
}

// Stays where it is, in its few bits: reading computes.
absl::StatusOr<Constant> FoldDequantizeLinear(const Folding& node) {
  RETURN_IF_ERROR(node.TakeHeld(node.constant(0).held.size()));
  Constant constant = node.constant(0);
  if (constant.is_quantised()) return node.Unsupported("quantised twice");
  if (node.attribute<int64_t>("block_size") > 0) {
    return ByBlocks(node, std::move(constant));
  }
  ASSIGN_OR_RETURN(constant.scales, node.Load<float>(1));
  if (node.node().inputs.size() > 2 && node.node().inputs[2] != kAbsent) {
    ASSIGN_OR_RETURN(constant.zero_points, node.Load<int64_t>(2));
  }
  if (std::all_of(constant.zero_points.begin(), constant.zero_points.end(),
                  [](int64_t zero) { return zero == 0; })) {
    constant.zero_points = {};
  }
  RETURN_IF_ERROR(node.TakeHeld(constant.held_bytes() - constant.held.size()));
  constant.run_elements = RunOf(node);
  return constant;
}

}  // namespace layerd
