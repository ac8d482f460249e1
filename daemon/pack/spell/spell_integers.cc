// Integers that are multiplied, as floating numbers: sums up to 2^24 are exact.

#include <utility>

#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/spell/speller.h"

namespace layerd {
namespace {

using Shape = Speller::Shape;

bool IsByte(DataType dtype) {
  return dtype == DataType::kU8 || dtype == DataType::kI8;
}

absl::Status CheckBytes(const Speller& speller, size_t i) {
  if (IsByte(speller.dtype(speller.input(i)))) return absl::OkStatus();
  return speller.Unsupported("it multiplies INT8 and UINT8 alone");
}

// Input `zero`, as many as input `scale` has: one may stand for all.
absl::StatusOr<int> ZeroFor(Speller& speller, size_t scale, size_t zero) {
  const DataType dtype = speller.dtype(speller.input(scale));
  const Shape scales = speller.shape(speller.input(scale));
  const Shape zeros = speller.shape(speller.input(zero));
  const bool is_one = zeros.size() <= 1 && CountOf(zeros) == 1;
  if ((dtype != DataType::kF32 && dtype != DataType::kF16) ||
      (scales != zeros && !is_one)) {
    return speller.Invalid("a scale and its zero point do not fit each other");
  }
  if (scales == zeros || CountOf(scales) == 1) return speller.input(zero);
  ASSIGN_OR_RETURN(const int to, speller.KnownList(scales));
  return speller.Add("Expand", {speller.input(zero), to});
}

int Dequantised(Speller& speller, int value, int scale, int zero,
                int64_t axis) {
  return speller.Add("DequantizeLinear", {value, scale, zero},
                     {{"axis", axis}});
}

// What input `i` means, by the scales and zero points in the two behind it;
// along `axis` if they are several.
absl::StatusOr<int> Meant(Speller& speller, size_t i, int64_t axis) {
  ASSIGN_OR_RETURN(const int zero, ZeroFor(speller, i + 1, i + 2));
  return Dequantised(speller, speller.input(i), speller.input(i + 1), zero,
                     axis);
}

// Output 0 is `y` by the scale and the zero point that are inputs 6 and 7.
absl::Status FinishQuantised(Speller& speller, int y, int64_t axis) {
  ASSIGN_OR_RETURN(const int zero, ZeroFor(speller, 6, 7));
  speller.Finish(speller.Add("QuantizeLinear", {y, speller.input(6), zero},
                             {{"axis", axis}}));
  return absl::OkStatus();
}

// Less its zero points, along `axis` if there are several.
absl::StatusOr<int> Centred(Speller& speller, size_t i, size_t zero,
                            int64_t axis) {
  RETURN_IF_ERROR(CheckBytes(speller, i));
  const int value = speller.input(i);
  if (!speller.has_input(zero)) return speller.CastTo(value, DataType::kF32);
  const Shape shape = speller.shape(speller.input(zero));
  if (shape.size() > 1) {
    return speller.Unsupported("zero points of several dimensions");
  }
  const int64_t count = shape.empty() ? 1 : shape[0];
  RETURN_IF_ERROR(speller.CheckSize(count));
  ASSIGN_OR_RETURN(int ones,
                   speller.KnownNumbers(
                       DataType::kF32,
                       std::vector<float>(static_cast<size_t>(count), 1.0f)));
  if (shape.empty()) {
    ASSIGN_OR_RETURN(ones, speller.KnownNumber(DataType::kF32, 1));
  }
  return Dequantised(speller, value, ones, speller.input(zero), axis);
}

// Numbers as UINT8, and what they mean.
struct Steps {
  int x, scale, zero;
};

int Integers(Speller& speller, int product) {
  return speller.CastTo(speller.Add("Round", {product}), DataType::kI32);
}

// A scalar that is stored as one element.
absl::StatusOr<int> Number(Speller& speller, int value) {
  return speller.Reshaped(value, {});
}

}  // namespace

absl::Status SpellMatMulInteger(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({}));
  if (speller.shape(speller.input(0)).size() < 2 ||
      speller.shape(speller.input(1)).size() < 2) {
    return speller.Unsupported("its operands are no matrices");
  }
  ASSIGN_OR_RETURN(const int a, Centred(speller, 0, 2, -2));
  ASSIGN_OR_RETURN(const int b, Centred(speller, 1, 3, -1));
  speller.Finish(Integers(speller, speller.Add("MatMul", {a, b})));
  return absl::OkStatus();
}

absl::Status SpellConvInteger(Speller& speller) {
  ASSIGN_OR_RETURN(const int x, Centred(speller, 0, 2, 1));
  ASSIGN_OR_RETURN(const int w, Centred(speller, 1, 3, 0));
  speller.Finish(Integers(
      speller, speller.Add("Conv", {x, w}, speller.node().attributes)));
  return absl::OkStatus();
}

absl::Status SpellQLinearConv(Speller& speller) {
  ASSIGN_OR_RETURN(const int x, Meant(speller, 0, 1));
  ASSIGN_OR_RETURN(const int w, Meant(speller, 3, 0));
  std::vector<int> operands = {x, w};
  if (speller.has_input(8)) {
    const int scale = speller.Add("Mul", {speller.input(1), speller.input(4)});
    operands.push_back(speller.Add(
        "DequantizeLinear", {speller.input(8), scale}, {{"axis", int64_t{0}}}));
  }
  const int y =
      speller.Add("Conv", std::move(operands), speller.node().attributes);
  return FinishQuantised(speller, y, 1);
}

absl::Status SpellQLinearMatMul(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({}));
  ASSIGN_OR_RETURN(const int a, Meant(speller, 0, -2));
  ASSIGN_OR_RETURN(const int b, Meant(speller, 3, -1));
  return FinishQuantised(speller, speller.Add("MatMul", {a, b}), -1);
}

namespace {

// Output 0 is x @ input b, in steps of input `scale` from input `zero`, plus
// input `bias`.
absl::Status FinishProduct(Speller& speller, int x, size_t b, size_t scale,
                           size_t zero, size_t bias) {
  RETURN_IF_ERROR(CheckBytes(speller, b));
  const int w = speller.Dequantised(b, scale, zero, -1);
  int y = speller.Add("MatMul", {x, w});
  if (speller.has_input(bias)) {
    y = speller.Add("Add", {y, speller.input(bias)});
  }
  speller.Finish(y);
  return absl::OkStatus();
}

// The range of the numbers of input 0, and 0, in 255 steps.
absl::StatusOr<Steps> DynamicSteps(Speller& speller) {
  const int x = speller.input(0);
  if (speller.dtype(x) != DataType::kF32) {
    return speller.Unsupported("it quantises FP32 alone");
  }
  ASSIGN_OR_RETURN(const int zero, speller.KnownNumber(DataType::kF32, 0));
  ASSIGN_OR_RETURN(const int steps, speller.KnownNumber(DataType::kF32, 255));
  ASSIGN_OR_RETURN(const int one, speller.KnownNumber(DataType::kF32, 1));
  const Speller::Attributes whole = {{"keepdims", int64_t{0}}};
  const int low =
      speller.Add("Min", {speller.Add("ReduceMin", {x}, whole), zero});
  const int high =
      speller.Add("Max", {speller.Add("ReduceMax", {x}, whole), zero});
  const int step = speller.Add("Div", {speller.Add("Sub", {high, low}), steps});
  // Where all is 0, any would do; other run times say 1.
  const int scale =
      speller.Add("Where", {speller.Add("Equal", {step, zero}), one, step});
  const int first = speller.Add(
      "Round",
      {speller.Add(
          "Clip", {speller.Add("Div", {speller.Add("Neg", {low}), scale}), zero,
                   steps})});
  ASSIGN_OR_RETURN(const int zero_point,
                   Number(speller, speller.CastTo(first, DataType::kU8)));
  return Steps{speller.Add("QuantizeLinear", {x, scale, zero_point}), scale,
               zero_point};
}

}  // namespace

absl::Status SpellDynamicQuantizeLinear(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({}));
  ASSIGN_OR_RETURN(const Steps steps, DynamicSteps(speller));
  if (speller.has_output(0)) speller.FinishOutput(0, steps.x);
  if (speller.has_output(1)) speller.FinishOutput(1, steps.scale);
  if (speller.has_output(2)) speller.FinishOutput(2, steps.zero);
  return absl::OkStatus();
}

absl::Status SpellDynamicQuantizeMatMul(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({}));
  ASSIGN_OR_RETURN(const Steps steps, DynamicSteps(speller));
  const int x = Dequantised(speller, steps.x, steps.scale, steps.zero, 0);
  return FinishProduct(speller, x, 1, 2, 3, 4);
}

absl::Status SpellMatMulIntegerToFloat(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({}));
  RETURN_IF_ERROR(CheckBytes(speller, 0));
  if (CountOf(speller.shape(speller.input(2))) != 1) {
    return speller.Unsupported("its A has several scales");
  }
  const int x = speller.Dequantised(0, 2, 4, 0);
  return FinishProduct(speller, x, 1, 3, 5, 6);
}

}  // namespace layerd
