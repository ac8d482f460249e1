// Operators that choose elements by what they are, or by where.

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/onnx/onnx_limits.h"
#include "daemon/pack/operators/shape_inference.h"

namespace layerd {
namespace {

absl::StatusOr<int64_t> TakeCount(NodeContext& node) {
  if (node.opset() < 10) {
    RETURN_IF_ERROR(node.CheckInputCount(1));
    return node.TakeInt("k", std::nullopt);
  }
  if (!node.has_input(1)) return node.Invalid("K is missing");
  ASSIGN_OR_RETURN(const std::vector<int64_t> given, node.Ints(1, "K"));
  if (given.size() != 1) return node.Invalid("K is not one number");
  node.KeepInputs(1);
  return given[0];
}

absl::Status CheckComparable(const NodeContext& node) {
  const DataType dtype = node.dtype(0);
  if (dtype != DataType::kU64 && dtype != DataType::kBool) {
    return absl::OkStatus();
  }
  return node.Unsupported(absl::StrFormat("it compares %s", NameOf(dtype)));
}

}  // namespace

// Sorted or not: they come sorted.
absl::Status InferTopK(NodeContext& node) {
  ASSIGN_OR_RETURN(int64_t axis, node.TakeInt("axis", -1));
  ASSIGN_OR_RETURN(axis, node.Axis(axis, node.rank(0)));
  ASSIGN_OR_RETURN(const int64_t count, TakeCount(node));
  ASSIGN_OR_RETURN(const int64_t is_largest, node.TakeInt("largest", 1));
  RETURN_IF_ERROR(node.TakeInt("sorted", 1).status());
  RETURN_IF_ERROR(CheckComparable(node));
  std::vector<int64_t> shape = node.shape(0);
  int64_t& along = shape[static_cast<size_t>(axis)];
  if (count < 0 || count > along) {
    return node.Invalid(absl::StrFormat("%d of %d elements", count, along));
  }
  along = count;
  node.Set("axis", axis);
  node.Set("is_largest", int64_t{is_largest != 0});
  node.Set("k", count);
  RETURN_IF_ERROR(node.SetOutput(1, DataType::kI64, shape));
  return node.SetOutput(0, node.dtype(0), std::move(shape));
}

absl::Status InferTopPlaces(NodeContext& node) {
  ASSIGN_OR_RETURN(const int64_t axis, node.TakeInt("axis", std::nullopt));
  ASSIGN_OR_RETURN(const int64_t is_largest,
                   node.TakeInt("is_largest", std::nullopt));
  ASSIGN_OR_RETURN(const int64_t count, node.TakeInt("k", std::nullopt));
  node.Set("axis", axis);
  node.Set("is_largest", is_largest);
  std::vector<int64_t> shape = node.shape(0);
  shape[static_cast<size_t>(axis)] = count;
  return node.SetOutput(0, DataType::kI64, std::move(shape));
}

absl::Status InferTrilu(NodeContext& node) {
  ASSIGN_OR_RETURN(const int64_t is_upper, node.TakeInt("upper", 1));
  if (node.rank(0) < 2) return node.Invalid("its input is no matrix");
  int64_t k = 0;
  if (node.has_input(1)) {
    ASSIGN_OR_RETURN(const std::vector<int64_t> given, node.Ints(1, "k"));
    if (given.size() != 1) return node.Invalid("k is not one number");
    k = std::clamp(given[0], -kValueElementsMax, kValueElementsMax);
  }
  node.KeepInputs(1);
  node.Set("upper", int64_t{is_upper != 0});
  node.Set("k", k);
  return node.SetOutput(0, node.dtype(0), node.shape(0));
}

// How many there are is a shape, so they must be known.
absl::Status InferNonZero(NodeContext& node) {
  const Constant* known = node.constant(0);
  if (known == nullptr) {
    return node.Unsupported(
        "how long its output is depends on data of each request, which is not "
        "supported");
  }
  const int64_t elements = known->element_count();
  if (elements > kFoldElementsMax) {
    return node.Unsupported(
        absl::StrFormat("%d elements are to be looked at while packing; at "
                        "most %d are supported",
                        elements, kFoldElementsMax));
  }
  std::vector<float> numbers(static_cast<size_t>(elements));
  RETURN_IF_ERROR(node.graph().ReadF32(*known, 0, std::span<float>(numbers)));
  const auto zeros = std::count(numbers.begin(), numbers.end(), 0.0f);
  return node.SetOutput(0, DataType::kI64,
                        {std::max<int64_t>(node.rank(0), 1), elements - zeros});
}

}  // namespace layerd
