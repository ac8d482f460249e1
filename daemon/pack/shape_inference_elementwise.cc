// Operators whose output has the shape of their inputs, broadcast.

#include <limits>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/status_macros.h"
#include "daemon/pack/broadcast.h"
#include "daemon/pack/onnx_scan.h"
#include "daemon/pack/shape_inference.h"

namespace layerd {
namespace {

// Of all inputs from `first` on.
absl::StatusOr<std::vector<int64_t>> Broadcast(const NodeContext& node,
                                               size_t first = 0) {
  std::vector<int64_t> shape = node.shape(first);
  for (size_t i = first + 1; i < node.input_count(); ++i) {
    const auto broadcast = BroadcastShape(shape, node.shape(i));
    if (!broadcast) {
      return node.Invalid(absl::StrFormat("[%s] and [%s] do not broadcast",
                                          absl::StrJoin(shape, ", "),
                                          absl::StrJoin(node.shape(i), ", ")));
    }
    shape = *broadcast;
  }
  return shape;
}

absl::Status CheckTypesAgree(const NodeContext& node, size_t first = 0) {
  for (size_t i = first + 1; i < node.input_count(); ++i) {
    if (node.dtype(i) == node.dtype(first)) continue;
    return node.Invalid(absl::StrFormat("inputs are of %s and %s",
                                        NameOf(node.dtype(first)),
                                        NameOf(node.dtype(i))));
  }
  return absl::OkStatus();
}

// A limit of Clip: an attribute before opset 11, an input since.
absl::StatusOr<float> TakeLimit(NodeContext& node, const char* name, size_t i,
                                float otherwise) {
  if (node.opset() < 11) return node.TakeFloat(name, otherwise);
  if (!node.has_input(i)) return otherwise;
  return node.Scalar(i, name);
}

}  // namespace

absl::Status InferUnary(NodeContext& node) {
  return node.SetOutput(0, node.dtype(0), node.shape(0));
}

absl::Status InferLeakyRelu(NodeContext& node) {
  ASSIGN_OR_RETURN(const float alpha, node.TakeFloat("alpha", 0.01f));
  node.Set("alpha", alpha);
  return InferUnary(node);
}

absl::Status InferClip(NodeContext& node) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  RETURN_IF_ERROR(node.CheckInputCount(node.opset() < 11 ? 1 : 3));
  ASSIGN_OR_RETURN(const float least, TakeLimit(node, "min", 1, -kInfinity));
  ASSIGN_OR_RETURN(const float most, TakeLimit(node, "max", 2, kInfinity));
  node.KeepInputs(1);
  node.Set("min", least);
  node.Set("max", most);
  return InferUnary(node);
}

absl::Status InferCast(NodeContext& node) {
  ASSIGN_OR_RETURN(const int64_t to, node.TakeInt("to", std::nullopt));
  node.Take("saturate");  // Of 8-bit floats, which are refused.
  const absl::StatusOr<DataType> dtype = TypeOfOnnx(to);
  if (!dtype.ok())
    return node.Unsupported(std::string(dtype.status().message()));
  if (*dtype == node.dtype(0)) return node.SetOutputToInput();
  return node.SetOutput(0, *dtype, node.shape(0));
}

absl::Status InferArithmetic(NodeContext& node) {
  RETURN_IF_ERROR(CheckTypesAgree(node));
  if (node.input_count() == 1) return node.SetOutputToInput();
  ASSIGN_OR_RETURN(std::vector<int64_t> shape, Broadcast(node));
  return node.SetOutput(0, node.dtype(0), std::move(shape));
}

absl::Status InferComparison(NodeContext& node) {
  RETURN_IF_ERROR(CheckTypesAgree(node));
  ASSIGN_OR_RETURN(std::vector<int64_t> shape, Broadcast(node));
  return node.SetOutput(0, DataType::kBool, std::move(shape));
}

absl::Status InferWhere(NodeContext& node) {
  if (node.dtype(0) != DataType::kBool) {
    return node.Invalid("the condition is not of BOOL");
  }
  RETURN_IF_ERROR(CheckTypesAgree(node, 1));
  ASSIGN_OR_RETURN(std::vector<int64_t> shape, Broadcast(node));
  return node.SetOutput(0, node.dtype(1), std::move(shape));
}

}  // namespace layerd
