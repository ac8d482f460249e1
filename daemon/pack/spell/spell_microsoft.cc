// What ONNX Runtime's quantisation writes beside ONNX's own operators: each is
// one of those, of numbers that are quantised before and after.

#include <utility>

#include "config/status_macros.h"
#include "daemon/pack/spell/speller.h"

namespace layerd {
namespace {

using Attributes = Speller::Attributes;

// Inputs `first` and the two behind it: numbers, their scale, their zero point.
int Numbers(Speller& speller, size_t first, int64_t axis = 0) {
  std::vector<int> inputs = {speller.input(first), speller.input(first + 1)};
  if (speller.has_input(first + 2)) inputs.push_back(speller.input(first + 2));
  return speller.Add("DequantizeLinear", std::move(inputs), {{"axis", axis}});
}

// The node's output is `y`, by the scale and the zero point of two inputs.
absl::Status FinishQuantised(Speller& speller, int y, size_t scale) {
  std::vector<int> inputs = {y, speller.input(scale)};
  if (speller.has_input(scale + 1)) inputs.push_back(speller.input(scale + 1));
  speller.Finish(
      speller.Add("QuantizeLinear", std::move(inputs), {{"axis", int64_t{0}}}));
  return absl::OkStatus();
}

absl::Status SpellBinary(Speller& speller, const char* op_type) {
  RETURN_IF_ERROR(speller.CheckAttributes({}));
  const int a = Numbers(speller, 0);
  const int b = Numbers(speller, 3);
  return FinishQuantised(speller, speller.Add(op_type, {a, b}), 6);
}

absl::Status SpellUnary(Speller& speller, const char* op_type,
                        Attributes attributes) {
  const int x = Numbers(speller, 0);
  return FinishQuantised(speller,
                         speller.Add(op_type, {x}, std::move(attributes)), 3);
}

// Of pictures whose channels come first, as all others of ONNX's are.
absl::Status SpellPool(Speller& speller, const char* op_type) {
  ASSIGN_OR_RETURN(const int64_t is_last, speller.IntOr("channels_last", 0));
  if (is_last != 0) {
    return speller.Unsupported(
        "its channels come last, which is not supported");
  }
  Attributes attributes = speller.node().attributes;
  attributes.erase("channels_last");
  return SpellUnary(speller, op_type, std::move(attributes));
}

absl::Status SpellAs(Speller& speller, const char* op_type) {
  speller.Finish(
      speller.Add(op_type, speller.node().inputs, speller.node().attributes));
  return absl::OkStatus();
}

}  // namespace

absl::Status SpellMicrosoftQuantizeLinear(Speller& speller) {
  return SpellAs(speller, "QuantizeLinear");
}

absl::Status SpellMicrosoftDequantizeLinear(Speller& speller) {
  return SpellAs(speller, "DequantizeLinear");
}

absl::Status SpellQLinearAdd(Speller& speller) {
  return SpellBinary(speller, "Add");
}

absl::Status SpellQLinearMul(Speller& speller) {
  return SpellBinary(speller, "Mul");
}

absl::Status SpellQLinearSigmoid(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({}));
  return SpellUnary(speller, "Sigmoid", {});
}

absl::Status SpellQLinearLeakyRelu(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"alpha"}));
  return SpellUnary(speller, "LeakyRelu", speller.node().attributes);
}

// Before opset 13 it went from its axis to the end.
absl::Status SpellQLinearSoftmax(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"axis", "opset"}));
  const auto rank =
      static_cast<int64_t>(speller.shape(speller.input(0)).size());
  ASSIGN_OR_RETURN(int64_t axis, speller.IntOr("axis", -1));
  ASSIGN_OR_RETURN(const int64_t opset, speller.IntOr("opset", 13));
  if (opset < 13 && axis != -1 && axis != rank - 1) {
    return speller.Unsupported(
        "of opset 12 and less only the last axis is supported");
  }
  return SpellUnary(speller, "Softmax", {{"axis", axis}});
}

absl::Status SpellQLinearAveragePool(Speller& speller) {
  return SpellPool(speller, "AveragePool");
}

absl::Status SpellQLinearGlobalAveragePool(Speller& speller) {
  return SpellPool(speller, "GlobalAveragePool");
}

absl::Status SpellQLinearConcat(Speller& speller) {
  if (speller.node().inputs.size() % 3 != 2) {
    return speller.Invalid(
        "its inputs are not two, and three for each operand");
  }
  std::vector<int> operands;
  for (size_t i = 2; i < speller.node().inputs.size(); i += 3) {
    operands.push_back(Numbers(speller, i));
  }
  return FinishQuantised(
      speller,
      speller.Add("Concat", std::move(operands), speller.node().attributes), 0);
}

absl::Status SpellQLinearWhere(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({}));
  const int x = Numbers(speller, 1);
  const int y = Numbers(speller, 4);
  return FinishQuantised(speller,
                         speller.Add("Where", {speller.input(0), x, y}), 7);
}

// The bias counts steps of the product. Without a scale for it, the answer is
// not quantised.
absl::Status SpellQGemm(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"alpha", "transA", "transB"}));
  ASSIGN_OR_RETURN(const int64_t transposes, speller.IntOr("transB", 0));
  const int a = Numbers(speller, 0);
  const int b = Numbers(speller, 3, transposes != 0 ? 0 : 1);
  std::vector<int> operands = {a, b};
  if (speller.has_input(6)) {
    int step = speller.Add("Mul", {speller.input(1), speller.input(4)});
    ASSIGN_OR_RETURN(const float alpha, speller.FloatOr("alpha", 1));
    if (alpha != 1) {
      ASSIGN_OR_RETURN(const int known,
                       speller.KnownNumber(DataType::kF32, alpha));
      step = speller.Add("Mul", {step, known});
    }
    operands.push_back(speller.Add("DequantizeLinear", {speller.input(6), step},
                                   {{"axis", int64_t{-1}}}));
  }
  const int y =
      speller.Add("Gemm", std::move(operands), speller.node().attributes);
  if (speller.has_input(7)) return FinishQuantised(speller, y, 7);
  speller.Finish(y);
  return absl::OkStatus();
}

}  // namespace layerd
