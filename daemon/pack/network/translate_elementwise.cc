// One element out for one in, and what is made of that.

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/activation_for.h"
#include "daemon/pack/graph/broadcast.h"
#include "daemon/pack/network/translator.h"

namespace layerd {
namespace {

using Shape = std::vector<int64_t>;
using Kind = Binary::Kind;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct BinaryRow {
  const char* op_type;
  Kind kind;
  bool swaps = false;  // a > b is b < a.
};
constexpr BinaryRow kBinary[] = {
    {"Add", Kind::kAdd},
    {"And", Kind::kAnd},
    {"Div", Kind::kDiv},
    {"Equal", Kind::kEqual},
    {"Greater", Kind::kLess, true},
    {"GreaterOrEqual", Kind::kLessOrEqual, true},
    {"Less", Kind::kLess},
    {"LessOrEqual", Kind::kLessOrEqual},
    {"Max", Kind::kMax},
    {"Mean", Kind::kAdd},
    {"Min", Kind::kMin},
    {"Mod", Kind::kMod},
    {"Mul", Kind::kMul},
    {"Or", Kind::kOr},
    {"PRelu", Kind::kPRelu},
    {"Pow", Kind::kPow},
    {"Sub", Kind::kSub},
    {"Sum", Kind::kAdd},
    {"Xor", Kind::kXor},
};

}  // namespace

bool Translator::IsComputedOn(DataType dtype) {
  return dtype == DataType::kF32 || dtype == DataType::kF64 ||
         dtype == DataType::kI64 || dtype == DataType::kBool;
}

int Translator::Widened(const Node& node, int value, DataType dtype) {
  const DataType from = network_.values[value].dtype;
  if (from == dtype) return value;
  const int wide = NewValue(node, ShapeOf(value), dtype);
  // A constant is widened when it is written, but one of floats that is to be
  // of integers.
  const bool truncates = dtype == DataType::kI64 &&
                         (from == DataType::kF32 || from == DataType::kF64);
  if (IsConstant(value) && !truncates) {
    network_.values[wide].constant = network_.values[value].constant;
  } else {
    Append(node, Operator(Copy{}), {value}, wide);
  }
  return wide;
}

// What is computed otherwise than it is stored are integers: narrow floats are
// f32 by now.
int Translator::Widened(const Node& node, int value) {
  const DataType dtype = network_.values[value].dtype;
  return IsComputedOn(dtype) ? value : Widened(node, value, DataType::kI64);
}

int Translator::WideOutput(const Node& node, int output) {
  if (IsComputedOn(network_.values[output].dtype)) return output;
  return NewValue(node, ShapeOf(output), DataType::kI64);
}

void Translator::Narrow(const Node& node, int wide, int output) {
  if (wide != output) Append(node, Operator(Copy{}), {wide}, output);
}

void Translator::AppendOfFloats(const Node& node, NetworkOperator op) {
  const int output = node.outputs[0];
  const int input = Widened(node, node.inputs[0], DataType::kF32);
  const int computed =
      input == node.inputs[0] ? output : NewValue(node, ShapeOf(output));
  Append(node, std::move(op), {input}, computed);
  Narrow(node, computed, output);
}

int Translator::AppendUnary(const Node& node, const Activation& activation,
                            int input) {
  const int output = NewValue(node, ShapeOf(input));
  Append(node, Operator(Unary{activation}), {input}, output);
  return output;
}

int Translator::AppendBinary(const Node& node, Kind kind, int left, int right) {
  const int output =
      NewValue(node, *BroadcastShape(ShapeOf(left), ShapeOf(right)));
  AppendBinary(node, kind, left, right, output);
  return output;
}

void Translator::AppendBinary(const Node& node, Kind kind, int left, int right,
                              int output) {
  if (IsConstant(right)) {
    Append(node, Operator(Binary{kind, Binary::Constant::kRight, {}}), {left},
           output)
        .weights = {WeightOf(right)};
  } else if (IsConstant(left)) {
    Append(node, Operator(Binary{kind, Binary::Constant::kLeft, {}}), {right},
           output)
        .weights = {WeightOf(left)};
  } else {
    Append(node, Operator(Binary{kind, Binary::Constant::kNone, {}}),
           {left, right}, output);
  }
}

absl::Status Translator::TakeUnary(const Node& node) {
  const int input = Widened(node, node.inputs[0]);
  const int output = WideOutput(node, node.outputs[0]);
  Append(node, Operator(Unary{*ActivationFor(node)}), {input}, output);
  Narrow(node, output, node.outputs[0]);
  return absl::OkStatus();
}

// max(x, 0) + min(0, alpha * (exp(x / alpha) - 1)), where Elu has it but for a
// negative alpha: there the sign of x / alpha is not that of x.
absl::Status Translator::TakeCelu(const Node& node) {
  const float alpha = FloatOf(node, "alpha");
  const int input = node.inputs[0];
  const int scaled =
      AppendUnary(node, {ActivationKind::kLinear, 1 / alpha, 0}, input);
  if (alpha < 0) {
    const int power = AppendUnary(node, {ActivationKind::kExp, 0, 0}, scaled);
    const int curve =
        AppendUnary(node, {ActivationKind::kLinear, alpha, -alpha}, power);
    const int below =
        AppendUnary(node, {ActivationKind::kClip, -kInfinity, 0}, curve);
    const int above = AppendUnary(node, {ActivationKind::kRelu, 0, 0}, input);
    AppendBinary(node, Kind::kAdd, above, below, node.outputs[0]);
    return absl::OkStatus();
  }
  Append(node, Operator(Unary{{ActivationKind::kElu, alpha, alpha}}), {scaled},
         node.outputs[0]);
  return absl::OkStatus();
}

// Limits are numbers if they were known, and inputs otherwise.
absl::Status Translator::TakeClip(const Node& node) {
  if (node.inputs.size() > 1) return TakeClipByInputs(node);
  Activation activation = {ActivationKind::kClip, FloatOf(node, "min"),
                           FloatOf(node, "max")};
  if (activation.alpha == 0 && activation.beta == kInfinity) {
    activation = {ActivationKind::kRelu, 0, 0};
  }
  Append(node, Operator(Unary{activation}), {node.inputs[0]}, node.outputs[0]);
  return absl::OkStatus();
}

absl::Status Translator::TakeClipByInputs(const Node& node) {
  const int output = WideOutput(node, node.outputs[0]);
  const DataType dtype = network_.values[output].dtype;
  int value = Widened(node, node.inputs[0]);
  const bool has_max = node.inputs.size() > 2 && node.inputs[2] != kAbsent;
  if (node.inputs[1] != kAbsent) {
    const int raised =
        has_max ? NewValue(node, ShapeOf(output), dtype) : output;
    AppendBinary(node, Kind::kMax, value, Widened(node, node.inputs[1]),
                 raised);
    value = raised;
  }
  if (has_max) {
    AppendBinary(node, Kind::kMin, value, Widened(node, node.inputs[2]),
                 output);
  }
  Narrow(node, output, node.outputs[0]);
  return absl::OkStatus();
}

absl::Status Translator::TakeBinary(const Node& node) {
  const BinaryRow* row = std::find_if(
      std::begin(kBinary), std::end(kBinary),
      [&](const BinaryRow& r) { return node.op_type == r.op_type; });
  const int output = WideOutput(node, node.outputs[0]);
  int left = Widened(node, node.inputs[0]);
  // The exponent of a power may be of another type.
  int right = row->kind == Kind::kPow
                  ? Widened(node, node.inputs[1], network_.values[left].dtype)
                  : Widened(node, node.inputs[1]);
  if (row->swaps) std::swap(left, right);
  AppendBinary(node, row->kind, left, right, output);
  Narrow(node, output, node.outputs[0]);
  return absl::OkStatus();
}

// Two or more, from the left.
absl::Status Translator::TakeVariadic(const Node& node) {
  const BinaryRow* row = std::find_if(
      std::begin(kBinary), std::end(kBinary),
      [&](const BinaryRow& r) { return node.op_type == r.op_type; });
  const int output = WideOutput(node, node.outputs[0]);
  const DataType dtype = network_.values[output].dtype;
  const bool is_mean = node.op_type == "Mean";
  int result = Widened(node, node.inputs[0]);
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    const int next = Widened(node, node.inputs[i]);
    const bool is_last = i + 1 == node.inputs.size() && !is_mean;
    const int to =
        is_last
            ? output
            : NewValue(node, *BroadcastShape(ShapeOf(result), ShapeOf(next)),
                       dtype);
    AppendBinary(node, row->kind, result, next, to);
    result = to;
  }
  if (is_mean) {
    const float factor = 1.0f / static_cast<float>(node.inputs.size());
    Append(node, Operator(Unary{{ActivationKind::kLinear, factor, 0}}),
           {result}, output);
  }
  Narrow(node, output, node.outputs[0]);
  return absl::OkStatus();
}

// What is not a number is not equal to itself.
absl::Status Translator::TakeIsNaN(const Node& node) {
  const int same = NewValue(node, ShapeOf(node.inputs[0]), DataType::kBool);
  Append(node, Operator(Binary{Kind::kEqual, Binary::Constant::kNone, {}}),
         {node.inputs[0], node.inputs[0]}, same);
  Append(node, Operator(Unary{{ActivationKind::kNot, 0, 0}}), {same},
         node.outputs[0]);
  return absl::OkStatus();
}

absl::Status Translator::TakeWhere(const Node& node) {
  Append(node, Operator(Select{}), node.inputs, node.outputs[0]);
  return absl::OkStatus();
}

absl::Status Translator::TakeCast(const Node& node) {
  const DataType from = network_.values[node.inputs[0]].dtype;
  const DataType to = network_.values[node.outputs[0]].dtype;
  if (from == to) return TakeReshape(node);
  Append(node, Operator(Copy{}), {node.inputs[0]}, node.outputs[0]);
  return absl::OkStatus();
}

}  // namespace layerd
