// Operators whose output has the shape of their inputs, broadcast.

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/broadcast.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/onnx/onnx_scan.h"
#include "daemon/pack/operators/shape_inference.h"

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

// Of a Cast to floats of 8 bits, which is refused for its type.
void TakeEightBits(NodeContext& node) {
  node.Take("saturate");
  node.Take("round_mode");
}

// Whether all of an input is known, whole and not negative.
absl::StatusOr<bool> IsWhole(const NodeContext& node, size_t i) {
  const Constant* known = node.constant(i);
  if (known == nullptr || known->element_count() > (1 << 16)) return false;
  std::vector<float> numbers(static_cast<size_t>(known->element_count()));
  RETURN_IF_ERROR(node.graph().ReadF32(*known, 0, numbers));
  return std::all_of(numbers.begin(), numbers.end(), [](float number) {
    return number >= 0 && number < 1 << 24 && number == std::floor(number);
  });
}

}  // namespace

absl::Status InferUnary(NodeContext& node) {
  return node.SetOutput(0, node.dtype(0), node.shape(0));
}

// Limits that are known are attributes; of integers and doubles, or computed at
// run time, they stay inputs.
absl::Status InferClip(NodeContext& node) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  RETURN_IF_ERROR(node.CheckInputCount(node.opset() < 11 ? 1 : 3));
  bool are_known = IsFloating(node.dtype(0)) &&
                   (node.dtype(0) != DataType::kF64 || node.opset() < 11);
  for (size_t i = 1; i < node.input_count(); ++i) {
    if (!node.has_input(i)) continue;
    are_known = are_known && node.constant(i) != nullptr;
    if (node.dtype(i) != node.dtype(0) || !node.IsScalar(i)) {
      return node.Invalid(
          absl::StrFormat("limit %d is no number of its type", i));
    }
  }
  if (!are_known) {
    if (node.input_count() == 1) return node.SetOutputToInput();
    return InferUnary(node);
  }
  ASSIGN_OR_RETURN(const float least, TakeLimit(node, "min", 1, -kInfinity));
  ASSIGN_OR_RETURN(const float most, TakeLimit(node, "max", 2, kInfinity));
  node.KeepInputs(1);
  node.Set("min", least);
  node.Set("max", most);
  return InferUnary(node);
}

absl::Status InferCast(NodeContext& node) {
  ASSIGN_OR_RETURN(const int64_t to, node.TakeInt("to", std::nullopt));
  TakeEightBits(node);
  const absl::StatusOr<DataType> dtype = TypeOfOnnx(to);
  if (!dtype.ok())
    return node.Unsupported(std::string(dtype.status().message()));
  if (*dtype == node.dtype(0)) return node.SetOutputToInput();
  return node.SetOutput(0, *dtype, node.shape(0));
}

absl::Status InferArithmetic(NodeContext& node) {
  RETURN_IF_ERROR(CheckTypesAgree(node));
  if (node.dtype(0) == DataType::kBool) {
    return node.Invalid("arithmetic on truths");
  }
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

absl::Status InferActivation(NodeContext& node) {
  struct Row {
    const char* op_type;
    float alpha, beta;
    const char* beta_name;
  };
  static constexpr Row kRows[] = {
      {"Celu", 1.0f, 0, nullptr},
      {"Elu", 1.0f, 0, nullptr},
      {"HardSigmoid", 0.2f, 0.5f, "beta"},
      {"LeakyRelu", 0.01f, 0, nullptr},
      {"Selu", 1.67326319217681884765625f, 1.05070102214813232421875f, "gamma"},
      {"ThresholdedRelu", 1.0f, 0, nullptr},
  };
  for (const Row& row : kRows) {
    if (node.node().op_type != row.op_type) continue;
    ASSIGN_OR_RETURN(const float alpha, node.TakeFloat("alpha", row.alpha));
    node.Set("alpha", alpha);
    if (row.beta_name == nullptr) break;
    ASSIGN_OR_RETURN(const float beta, node.TakeFloat(row.beta_name, row.beta));
    node.Set(row.beta_name, beta);
  }
  return InferUnary(node);
}

absl::Status InferGelu(NodeContext& node) {
  ASSIGN_OR_RETURN(std::string form,
                   node.TakeOneOf("approximate", "none", {"none", "tanh"}));
  node.Set("approximate", std::move(form));
  return InferUnary(node);
}

absl::Status InferCastLike(NodeContext& node) {
  TakeEightBits(node);
  const DataType to = node.dtype(1);
  node.KeepInputs(1);
  if (to == node.dtype(0)) return node.SetOutputToInput();
  return node.SetOutput(0, to, node.shape(0));
}

absl::Status InferIsNaN(NodeContext& node) {
  return node.SetOutput(0, DataType::kBool, node.shape(0));
}

absl::Status InferPow(NodeContext& node) {
  if (node.dtype(0) == DataType::kBool || node.dtype(1) == DataType::kBool) {
    return node.Invalid("powers of truths");
  }
  if (!IsFloating(node.dtype(0)) && IsFloating(node.dtype(1))) {
    ASSIGN_OR_RETURN(const bool is_whole, IsWhole(node, 1));
    if (!is_whole) {
      return node.Unsupported(
          "a power of integers needs an exponent of integers, or one that is "
          "known while packing and is whole");
    }
  }
  ASSIGN_OR_RETURN(std::vector<int64_t> shape, Broadcast(node));
  return node.SetOutput(0, node.dtype(0), std::move(shape));
}

absl::Status InferMod(NodeContext& node) {
  ASSIGN_OR_RETURN(const int64_t is_float, node.TakeInt("fmod", 0));
  if (IsFloating(node.dtype(0)) && is_float == 0) {
    return node.Unsupported(
        "of floating types only fmod is defined: set the attribute fmod to 1");
  }
  if (!IsFloating(node.dtype(0)) && is_float != 0) node.Set("fmod", int64_t{1});
  return InferArithmetic(node);
}

absl::Status InferLogic(NodeContext& node) {
  for (size_t i = 0; i < node.input_count(); ++i) {
    if (node.dtype(i) == DataType::kBool) continue;
    return node.Invalid(absl::StrFormat("input %d is not of BOOL", i));
  }
  if (node.input_count() == 1) return InferUnary(node);
  return InferComparison(node);
}

}  // namespace layerd
