#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

#include "config/status_macros.h"
#include "daemon/pack/constant_folding.h"

namespace layerd {

// Stays where it is, in its few bits: reading computes.
absl::StatusOr<Constant> FoldDequantizeLinear(const Folding& node) {
  RETURN_IF_ERROR(node.TakeHeld(node.constant(0).held.size()));
  Constant constant = node.constant(0);
  if (!constant.scales.empty()) return node.Unsupported("quantised twice");
  ASSIGN_OR_RETURN(constant.scales, node.Load<float>(1));
  if (node.node().inputs.size() > 2 && node.node().inputs[2] != kAbsent) {
    ASSIGN_OR_RETURN(constant.zero_points, node.Load<int64_t>(2));
  }
  if (std::all_of(constant.zero_points.begin(), constant.zero_points.end(),
                  [](int64_t zero) { return zero == 0; })) {
    constant.zero_points = {};
  }
  RETURN_IF_ERROR(node.TakeHeld(constant.held_bytes() - constant.held.size()));
  const std::vector<int64_t>& shape = *node.output().shape;
  const auto axis = node.attribute<int64_t>("axis");
  constant.run_elements =
      shape.empty() ? 1
                    : std::accumulate(shape.begin() + axis + 1, shape.end(),
                                      int64_t{1}, std::multiplies<>());
  if (constant.run_elements < 1) constant.run_elements = 1;
  return constant;
}

}  // namespace layerd
