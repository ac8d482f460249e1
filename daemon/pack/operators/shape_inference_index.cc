// Operators that pick or put single elements, or are made of places alone.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/status_macros.h"
#include "daemon/pack/onnx/onnx_scan.h"
#include "daemon/pack/operators/einsum.h"
#include "daemon/pack/operators/shape_inference.h"

namespace layerd {
namespace {

absl::Status CheckIndices(const NodeContext& node, size_t i) {
  const DataType dtype = node.dtype(i);
  if (dtype == DataType::kI32 || dtype == DataType::kI64) {
    return absl::OkStatus();
  }
  return node.Invalid(
      absl::StrFormat("indices of %s; INT32 or INT64", NameOf(dtype)));
}

// Puts the axis in its one form. The indices may be shorter than the data in
// the other dimensions.
absl::Status TakeElementAxis(NodeContext& node) {
  ASSIGN_OR_RETURN(int64_t axis, node.TakeInt("axis", 0));
  ASSIGN_OR_RETURN(axis, node.Axis(axis, node.rank(0)));
  node.Set("axis", axis);
  RETURN_IF_ERROR(CheckIndices(node, 1));
  bool fits = node.rank(0) == node.rank(1);
  for (size_t d = 0; fits && d < node.shape(0).size(); ++d) {
    fits =
        static_cast<int64_t>(d) == axis || node.shape(1)[d] <= node.shape(0)[d];
  }
  if (fits) return absl::OkStatus();
  return node.Invalid(absl::StrFormat("indices [%s] of [%s]",
                                      absl::StrJoin(node.shape(1), ", "),
                                      absl::StrJoin(node.shape(0), ", ")));
}

// How many coordinates an index has: the last dimension of the indices. The
// first `batch_dims` dimensions are those of both.
absl::StatusOr<int64_t> TupleLength(const NodeContext& node,
                                    int64_t batch_dims = 0) {
  RETURN_IF_ERROR(CheckIndices(node, 1));
  const bool fits =
      batch_dims >= 0 && batch_dims < std::min(node.rank(0), node.rank(1)) &&
      std::equal(node.shape(0).begin(), node.shape(0).begin() + batch_dims,
                 node.shape(1).begin());
  if (fits) {
    const int64_t length = node.shape(1).back();
    if (length > 0 && length <= node.rank(0) - batch_dims) return length;
  }
  return node.Invalid(absl::StrFormat("indices [%s] of [%s]",
                                      absl::StrJoin(node.shape(1), ", "),
                                      absl::StrJoin(node.shape(0), ", ")));
}

// What several updates of one element become.
absl::Status TakeReduction(NodeContext& node) {
  ASSIGN_OR_RETURN(const std::string reduction,
                   node.TakeOneOf("reduction", "none",
                                  {"add", "max", "min", "mul", "none"}));
  const DataType dtype = node.dtype(0);
  if (reduction != "none" && dtype == DataType::kBool) {
    return node.Unsupported(
        "updates of BOOL are not reduced; cast data and updates to INT32");
  }
  // They are merged as I64, where large ones are negative.
  if ((reduction == "max" || reduction == "min") && dtype == DataType::kU64) {
    return node.Unsupported(
        "updates of UINT64 are not compared; cast data and updates to INT64");
  }
  node.Set("reduction", reduction);
  return absl::OkStatus();
}

absl::Status CheckUpdates(const NodeContext& node,
                          const std::vector<int64_t>& shape) {
  if (node.dtype(2) == node.dtype(0) && node.shape(2) == shape) {
    return absl::OkStatus();
  }
  return node.Invalid(
      absl::StrFormat("updates are %s [%s]; %s [%s] is needed",
                      NameOf(node.dtype(2)), absl::StrJoin(node.shape(2), ", "),
                      NameOf(node.dtype(0)), absl::StrJoin(shape, ", ")));
}

}  // namespace

absl::Status InferCumSum(NodeContext& node) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> given, node.Ints(1, "axis"));
  if (given.size() != 1) return node.Invalid("the axis is not one number");
  ASSIGN_OR_RETURN(const int64_t axis, node.Axis(given[0], node.rank(0)));
  ASSIGN_OR_RETURN(const int64_t exclusive, node.TakeInt("exclusive", 0));
  ASSIGN_OR_RETURN(const int64_t reverse, node.TakeInt("reverse", 0));
  node.KeepInputs(1);
  node.Set("axis", axis);
  node.Set("exclusive", int64_t{exclusive != 0});
  node.Set("reverse", int64_t{reverse != 0});
  return node.SetOutput(0, node.dtype(0), node.shape(0));
}

absl::Status InferEyeLike(NodeContext& node) {
  ASSIGN_OR_RETURN(const int64_t k, node.TakeInt("k", 0));
  DataType dtype = node.dtype(0);
  ASSIGN_OR_RETURN(const int64_t named, node.TakeInt("dtype", 0));
  if (named != 0) {
    const absl::StatusOr<DataType> known = TypeOfOnnx(named);
    if (!known.ok())
      return node.Unsupported(std::string(known.status().message()));
    dtype = *known;
  }
  if (node.rank(0) != 2) return node.Invalid("its input is no matrix");
  node.Set("k", k);
  return node.SetOutput(0, dtype, node.shape(0));
}

absl::Status InferGatherElements(NodeContext& node) {
  RETURN_IF_ERROR(TakeElementAxis(node));
  return node.SetOutput(0, node.dtype(0), node.shape(1));
}

absl::Status InferGatherNd(NodeContext& node) {
  ASSIGN_OR_RETURN(const int64_t batch_dims, node.TakeInt("batch_dims", 0));
  ASSIGN_OR_RETURN(const int64_t length, TupleLength(node, batch_dims));
  std::vector<int64_t> to(node.shape(1).begin(), node.shape(1).end() - 1);
  to.insert(to.end(), node.shape(0).begin() + batch_dims + length,
            node.shape(0).end());
  node.Set("batch_dims", batch_dims);
  return node.SetOutput(0, node.dtype(0), std::move(to));
}

absl::Status InferScatterElements(NodeContext& node) {
  RETURN_IF_ERROR(TakeElementAxis(node));
  RETURN_IF_ERROR(TakeReduction(node));
  RETURN_IF_ERROR(CheckUpdates(node, node.shape(1)));
  return node.SetOutput(0, node.dtype(0), node.shape(0));
}

absl::Status InferScatterNd(NodeContext& node) {
  RETURN_IF_ERROR(TakeReduction(node));
  ASSIGN_OR_RETURN(const int64_t length, TupleLength(node));
  std::vector<int64_t> updates(node.shape(1).begin(), node.shape(1).end() - 1);
  updates.insert(updates.end(), node.shape(0).begin() + length,
                 node.shape(0).end());
  RETURN_IF_ERROR(CheckUpdates(node, updates));
  return node.SetOutput(0, node.dtype(0), node.shape(0));
}

absl::Status InferEinsum(NodeContext& node) {
  ASSIGN_OR_RETURN(const std::string equation, node.TakeString("equation", ""));
  std::vector<std::vector<int64_t>> shapes;
  for (size_t i = 0; i < node.input_count(); ++i) {
    shapes.push_back(node.shape(i));
  }
  const absl::StatusOr<Einsum> einsum = ParseEinsum(equation, shapes);
  if (!einsum.ok()) return node.Invalid(std::string(einsum.status().message()));
  node.Set("equation", equation);
  return node.SetOutput(0, node.dtype(0), einsum->OutputShape());
}

}  // namespace layerd
