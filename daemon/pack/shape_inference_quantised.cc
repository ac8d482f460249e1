// QuantizeLinear and DequantizeLinear: numbers by one scale or one a channel.

#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/status_macros.h"
#include "daemon/pack/element_type.h"
#include "daemon/pack/onnx_scan.h"
#include "daemon/pack/shape_inference.h"

namespace layerd {
namespace {

bool IsStep(DataType dtype) {
  return dtype == DataType::kU8 || dtype == DataType::kI8 ||
         dtype == DataType::kU16 || dtype == DataType::kI16;
}

// Scales belong to all elements, or to those along `axis`.
absl::Status TakeAxis(NodeContext& node) {
  ASSIGN_OR_RETURN(int64_t axis, node.TakeInt("axis", 1));
  ASSIGN_OR_RETURN(const int64_t block, node.TakeInt("block_size", 0));
  if (block != 0) return node.Unsupported("block_size is not supported");
  if (!node.IsScalar(1)) {
    ASSIGN_OR_RETURN(axis, node.Axis(axis, node.rank(0)));
    if (node.rank(1) != 1 ||
        node.shape(1)[0] != node.shape(0)[static_cast<size_t>(axis)]) {
      return node.Invalid(absl::StrFormat("scales [%s] along axis %d of [%s]",
                                          absl::StrJoin(node.shape(1), ", "),
                                          axis,
                                          absl::StrJoin(node.shape(0), ", ")));
    }
  }
  if (node.has_input(2) && node.shape(2) != node.shape(1)) {
    return node.Invalid("there are not as many zero points as scales");
  }
  node.Set("axis", node.IsScalar(1) ? int64_t{0} : axis);
  return absl::OkStatus();
}

}  // namespace

absl::Status InferQuantizeLinear(NodeContext& node) {
  RETURN_IF_ERROR(TakeAxis(node));
  RETURN_IF_ERROR(node.TakeInt("saturate", 1).status());  // Of float8.
  ASSIGN_OR_RETURN(const int64_t named, node.TakeInt("output_dtype", 0));
  DataType to = node.has_input(2) ? node.dtype(2) : DataType::kU8;
  if (named != 0 && !node.has_input(2)) {
    const absl::StatusOr<DataType> known = TypeOfOnnx(named);
    if (!known.ok()) {
      return node.Unsupported(std::string(known.status().message()));
    }
    to = *known;
  }
  if (!IsStep(to) || !IsFloating(node.dtype(0))) {
    return node.Unsupported(absl::StrFormat("%s to %s is not supported",
                                            NameOf(node.dtype(0)), NameOf(to)));
  }
  return node.SetOutput(0, to, node.shape(0));
}

absl::Status InferDequantizeLinear(NodeContext& node) {
  RETURN_IF_ERROR(TakeAxis(node));
  const DataType from = node.dtype(0);
  if (!IsStep(from) && from != DataType::kI32) {
    return node.Unsupported(
        absl::StrFormat("%s is not supported", NameOf(from)));
  }
  if (!IsFloating(node.dtype(1)) ||
      (node.has_input(2) && node.dtype(2) != from)) {
    return node.Invalid("scales and zero points have other types");
  }
  return node.SetOutput(0, node.dtype(1), node.shape(0));
}

}  // namespace layerd
