#include <algorithm>
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

}  // namespace

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
