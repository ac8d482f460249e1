// QuantizeLinear and DequantizeLinear: numbers by one scale or one a channel.

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/onnx/onnx_scan.h"
#include "daemon/pack/operators/shape_inference.h"

namespace layerd {
namespace {

constexpr int64_t kBlockMax = int64_t{1} << 31;

bool IsStep(DataType dtype) {
  return dtype == DataType::kU8 || dtype == DataType::kI8 ||
         dtype == DataType::kU16 || dtype == DataType::kI16;
}

// Scales belong to all elements, to those along `axis`, or to blocks of some
// along it.
absl::Status CheckScales(const NodeContext& node, int64_t axis, int64_t block) {
  std::vector<int64_t> wanted = {node.shape(0)[static_cast<size_t>(axis)]};
  if (block > 0) {
    wanted = node.shape(0);
    int64_t& along = wanted[static_cast<size_t>(axis)];
    along = (along + block - 1) / block;
  }
  if (node.shape(1) == wanted) return absl::OkStatus();
  return node.Invalid(absl::StrFormat("scales [%s] along axis %d of [%s]",
                                      absl::StrJoin(node.shape(1), ", "), axis,
                                      absl::StrJoin(node.shape(0), ", ")));
}

absl::Status TakeAxis(NodeContext& node) {
  ASSIGN_OR_RETURN(int64_t axis, node.TakeInt("axis", 1));
  ASSIGN_OR_RETURN(const int64_t block, node.TakeInt("block_size", 0));
  if (block < 0 || block > kBlockMax) {
    return node.Invalid("block_size is no number of elements");
  }
  if (block > 0 || !node.IsScalar(1)) {
    ASSIGN_OR_RETURN(axis, node.Axis(axis, node.rank(0)));
    RETURN_IF_ERROR(CheckScales(node, axis, block));
  }
  // A number, or a list of one: ONNX Runtime's quantiser writes one of each.
  const bool are_scalars =
      block == 0 && node.has_input(2) && node.IsScalar(1) && node.IsScalar(2);
  if (node.has_input(2) && !are_scalars && node.shape(2) != node.shape(1)) {
    return node.Invalid("there are not as many zero points as scales");
  }
  node.Set("axis", block == 0 && node.IsScalar(1) ? int64_t{0} : axis);
  node.Set("block_size", block);
  return absl::OkStatus();
}

// UNIMPLEMENTED for blocks, unless all is known while packing.
absl::Status CheckBlocks(const NodeContext& node, bool is_known) {
  if (is_known ||
      std::get<int64_t>(node.node().attributes.at("block_size")) == 0) {
    return absl::OkStatus();
  }
  return node.Unsupported(
      "block_size is only supported where elements, scales and zero points are "
      "known while packing");
}

// The type of the output, where an attribute says so.
absl::StatusOr<std::optional<DataType>> TakeNamedType(NodeContext& node) {
  ASSIGN_OR_RETURN(const int64_t named, node.TakeInt("output_dtype", 0));
  if (named == 0) return std::optional<DataType>();
  const absl::StatusOr<DataType> known = TypeOfOnnx(named);
  if (known.ok()) return std::optional(*known);
  return node.Unsupported(std::string(known.status().message()));
}

// What the quotient is rounded from: f32, as we compute it, or f16, which is
// not.
absl::Status TakePrecision(NodeContext& node) {
  ASSIGN_OR_RETURN(const int64_t precision, node.TakeInt("precision", 0));
  if (precision == 0 || precision == OnnxOfType(DataType::kF32)) {
    return absl::OkStatus();
  }
  return node.Unsupported("only a precision of FP32 is supported");
}

}  // namespace

absl::Status InferQuantizeLinear(NodeContext& node) {
  RETURN_IF_ERROR(TakeAxis(node));
  RETURN_IF_ERROR(CheckBlocks(node, false));
  RETURN_IF_ERROR(node.TakeInt("saturate", 1).status());  // Of float8.
  RETURN_IF_ERROR(TakePrecision(node));
  ASSIGN_OR_RETURN(const std::optional<DataType> named, TakeNamedType(node));
  const DataType to =
      node.has_input(2) ? node.dtype(2) : named.value_or(DataType::kU8);
  if (!IsStep(to) || !IsFloating(node.dtype(0))) {
    return node.Unsupported(absl::StrFormat("%s to %s is not supported",
                                            NameOf(node.dtype(0)), NameOf(to)));
  }
  return node.SetOutput(0, to, node.shape(0));
}

absl::Status InferDequantizeLinear(NodeContext& node) {
  RETURN_IF_ERROR(TakeAxis(node));
  RETURN_IF_ERROR(CheckBlocks(
      node, node.constant(0) != nullptr && node.constant(1) != nullptr &&
                (!node.has_input(2) || node.constant(2) != nullptr)));
  ASSIGN_OR_RETURN(const std::optional<DataType> named, TakeNamedType(node));
  const DataType from = node.dtype(0);
  if (!IsStep(from) && from != DataType::kI32) {
    return node.Unsupported(
        absl::StrFormat("%s is not supported", NameOf(from)));
  }
  if (!IsFloating(node.dtype(1)) ||
      (node.has_input(2) && node.dtype(2) != from)) {
    return node.Invalid("scales and zero points have other types");
  }
  const DataType to = named.value_or(node.dtype(1));
  if (!IsFloating(to)) return node.Invalid("output_dtype is no floating type");
  return node.SetOutput(0, to, node.shape(0));
}

}  // namespace layerd
