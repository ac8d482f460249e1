// Operators that make one element of many.

#include <numeric>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/operators/shape_inference.h"

namespace layerd {
namespace {

// ReduceSum has its axes as an input since opset 13, the others since 18.
bool HasAxesAsInput(const NodeContext& node) {
  return node.opset() >= (node.node().op_type == "ReduceSum" ? 13 : 18);
}

absl::StatusOr<std::vector<int64_t>> TakeReducedAxes(NodeContext& node) {
  std::vector<int64_t> axes;
  if (HasAxesAsInput(node)) {
    if (node.has_input(1)) {
      ASSIGN_OR_RETURN(axes, node.Ints(1, "axes"));
    }
  } else {
    RETURN_IF_ERROR(node.CheckInputCount(1));
    ASSIGN_OR_RETURN(axes, node.TakeInts("axes", std::vector<int64_t>()));
  }
  return node.Axes(std::move(axes), node.rank(0));
}

// A sum of nothing is 0 and a product is 1: what has no elements is known, so
// they are computed while packing.
bool ReducesNothing(const NodeContext& node) {
  const std::string& op_type = node.node().op_type;
  return op_type == "ReduceSum" || op_type == "ReduceProd";
}

absl::Status SetReduced(NodeContext& node, DataType dtype,
                        const std::vector<int64_t>& axes, bool keeps) {
  std::vector<int64_t> to = node.shape(0);
  for (size_t i = axes.size(); i-- > 0;) {
    const auto along = static_cast<size_t>(axes[i]);
    if (to[along] == 0 && !ReducesNothing(node)) {
      return node.Unsupported("a dimension without elements is not reduced");
    }
    if (keeps) {
      to[along] = 1;
    } else {
      to.erase(to.begin() + axes[i]);
    }
  }
  node.KeepInputs(1);
  node.Set("axes", axes);
  return node.SetOutput(0, dtype, std::move(to));
}

}  // namespace

absl::Status InferReduce(NodeContext& node) {
  ASSIGN_OR_RETURN(std::vector<int64_t> axes, TakeReducedAxes(node));
  ASSIGN_OR_RETURN(const int64_t keeps, node.TakeInt("keepdims", 1));
  ASSIGN_OR_RETURN(const int64_t is_noop,
                   node.TakeInt("noop_with_empty_axes", 0));
  const DataType dtype = node.dtype(0);
  const std::string& op_type = node.node().op_type;
  const bool is_exact = op_type == "ReduceSum" || op_type == "ReduceMax" ||
                        op_type == "ReduceMin" || op_type == "ReduceProd";
  const bool compares = op_type == "ReduceMax" || op_type == "ReduceMin";
  const bool may_reduce = dtype == DataType::kBool
                              ? compares && node.opset() >= 20
                              : IsFloating(dtype) || is_exact;
  if (!may_reduce) {
    return node.Unsupported(absl::StrFormat(
        "it reduces %s; floating types are supported", NameOf(dtype)));
  }
  if (axes.empty()) {
    if (is_noop != 0 && is_exact) return node.SetOutputToInput();
    if (is_noop != 0 && op_type == "ReduceMean") return node.SetOutputToInput();
    if (is_noop != 0) {
      return node.Unsupported("noop_with_empty_axes is not supported");
    }
    axes.resize(static_cast<size_t>(node.rank(0)));
    std::iota(axes.begin(), axes.end(), 0);
  }
  // A scalar is its own sum, but not its own norm.
  return SetReduced(node, dtype, axes, keeps != 0);
}

absl::Status InferArgExtreme(NodeContext& node) {
  ASSIGN_OR_RETURN(int64_t axis, node.TakeInt("axis", 0));
  ASSIGN_OR_RETURN(const int64_t keeps, node.TakeInt("keepdims", 1));
  ASSIGN_OR_RETURN(const int64_t is_last, node.TakeInt("select_last_index", 0));
  ASSIGN_OR_RETURN(axis, node.Axis(axis, node.rank(0)));
  node.Set("select_last_index", int64_t{is_last != 0});
  return SetReduced(node, DataType::kI64, {axis}, keeps != 0);
}

}  // namespace layerd
