#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

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

// What InStepsOfOne() made, perhaps less zero points.
bool IsInStepsOfOne(const Constant& constant) {
  return !constant.scales.empty() &&
         std::all_of(constant.scales.begin(), constant.scales.end(),
                     [](float scale) { return scale == 1; });
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

// How many neighbours one element of `shape` is for, broadcast to `whole`;
// nothing unless it has one element or one for each place along an axis.
std::optional<int64_t> NeighboursOf(const std::vector<int64_t>& shape,
                                    const std::vector<int64_t>& whole) {
  const std::optional<size_t> axis = OnlyAxis(shape);
  if (!axis) return std::nullopt;
  if (*axis == shape.size()) return 1;
  return CountOf(std::span(whole).last(shape.size() - *axis - 1));
}

// Bytes in steps of one that another input scales, or is taken off.
struct Steps {
  size_t bytes;  // Which input; the other one:
  int64_t other_run;
};

std::optional<Steps> StepsAt(const Folding& node, size_t i) {
  const std::optional<int64_t> run =
      NeighboursOf(*node.input(1 - i).shape, *node.output().shape);
  const bool is_whole = IsInStepsOfOne(node.constant(i)) &&
                        *node.input(i).shape == *node.output().shape;
  if (!run || !is_whole) return std::nullopt;
  return Steps{i, *run};
}

// Of a Mul. Where bytes have several zero points already, there is a scale for
// each or one for all.
std::optional<Steps> ScaledSteps(const Folding& node) {
  for (const size_t i : {0, 1}) {
    const std::optional<Steps> steps = StepsAt(node, i);
    if (!steps) continue;
    const Constant& bytes = node.constant(i);
    const size_t scales = CountOf(*node.input(1 - i).shape);
    const bool agree =
        bytes.scales.size() == scales && bytes.run_elements == steps->other_run;
    if (bytes.scales.size() == 1 || scales == 1 || agree) return steps;
  }
  return std::nullopt;
}

// What is taken off, as integers; nothing if a number is none, or so large that
// to take it off rounds.
std::optional<std::vector<int64_t>> ZeroPoints(const Folding& node) {
  constexpr double kMost = 1 << 23;
  const auto numbers = node.Load<double>(1);
  if (!numbers.ok()) return std::nullopt;
  std::vector<int64_t> zeros;
  for (const double number : *numbers) {
    if (!(std::abs(number) <= kMost) || number != std::trunc(number)) {
      return std::nullopt;
    }
    zeros.push_back(static_cast<int64_t>(number));
  }
  return zeros;
}

// Of a Sub that takes zero points off what has none yet.
std::optional<Steps> ShiftedSteps(const Folding& node) {
  const Constant& bytes = node.constant(0);
  const bool has_none = bytes.scales.size() == 1 && bytes.zero_points.empty();
  const std::optional<Steps> steps = StepsAt(node, 0);
  return has_none && steps && ZeroPoints(node) ? steps : std::nullopt;
}

// Zero points that are all 0 are not held.
void SetZeroPoints(std::vector<int64_t> zeros, Constant* constant) {
  const bool is_plain = std::all_of(zeros.begin(), zeros.end(),
                                    [](int64_t zero) { return zero == 0; });
  constant->zero_points = is_plain ? std::vector<int64_t>() : std::move(zeros);
}

}  // namespace

std::optional<Constant> InStepsOfOne(const Constant& bytes, DataType to) {
  const bool is_bytes =
      bytes.dtype == DataType::kI8 || bytes.dtype == DataType::kU8;
  if (!is_bytes || to != DataType::kF32 || bytes.file < 0 ||
      bytes.is_quantised() || bytes.per_byte > 1) {
    return std::nullopt;
  }
  Constant steps = bytes;
  steps.scales = {1};
  return steps;
}

bool KeepsSteps(const Folding& node) {
  const std::string& type = node.node().op_type;
  return (type == "Mul" && ScaledSteps(node)) ||
         (type == "Sub" && ShiftedSteps(node));
}

absl::StatusOr<Constant> FoldMul(const Folding& node) {
  const std::optional<Steps> steps = ScaledSteps(node);
  if (!steps) return FoldProduct(node);
  Constant scaled = node.constant(steps->bytes);
  ASSIGN_OR_RETURN(std::vector<float> scales,
                   node.Load<float>(1 - steps->bytes));
  if (scales.size() == 1) {
    scaled.scales.assign(scaled.scales.size(), scales[0]);
  } else {
    if (scaled.zero_points.size() == 1) {
      scaled.zero_points.assign(scales.size(), scaled.zero_points[0]);
    }
    scaled.scales = std::move(scales);
    scaled.run_elements = steps->other_run;
  }
  RETURN_IF_ERROR(node.TakeHeld(scaled.held_bytes()));
  return scaled;
}

absl::StatusOr<Constant> FoldSub(const Folding& node) {
  const std::optional<Steps> steps = ShiftedSteps(node);
  if (!steps) return FoldDifference(node);
  Constant shifted = node.constant(0);
  SetZeroPoints(*ZeroPoints(node), &shifted);
  if (!shifted.zero_points.empty()) {
    shifted.scales.assign(shifted.zero_points.size(), 1);
    shifted.run_elements = steps->other_run;
  }
  RETURN_IF_ERROR(node.TakeHeld(shifted.held_bytes()));
  return shifted;
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
    ASSIGN_OR_RETURN(std::vector<int64_t> zeros, node.Load<int64_t>(2));
    SetZeroPoints(std::move(zeros), &constant);
  }
  RETURN_IF_ERROR(node.TakeHeld(constant.held_bytes() - constant.held.size()));
  constant.run_elements = RunOf(node);
  return constant;
}

}  // namespace layerd
