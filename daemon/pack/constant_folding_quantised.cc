#include <functional>
#include <numeric>
#include <utility>

#include "config/status_macros.h"
#include "daemon/pack/constant_folding.h"

namespace layerd {

// Stays where it is, in its few bits: reading computes.
absl::StatusOr<Constant> FoldDequantizeLinear(const Folding& node) {
  Constant constant = node.constant(0);
  if (!constant.scales.empty()) return node.Unsupported("quantised twice");
  ASSIGN_OR_RETURN(constant.scales, node.Load<float>(1));
  constant.zero_points.assign(constant.scales.size(), 0);
  if (node.node().inputs.size() > 2 && node.node().inputs[2] != kAbsent) {
    ASSIGN_OR_RETURN(constant.zero_points, node.Load<int64_t>(2));
  }
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
