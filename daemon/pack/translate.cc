#include "daemon/pack/translate.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "config/check.h"
#include "config/status_macros.h"
#include "daemon/pack/translator.h"

namespace layerd {
namespace {

using Shape = std::vector<int64_t>;

template <typename T>
const T& AttributeOf(const Node& node, const char* name) {
  const auto it = node.attributes.find(name);
  LAYERD_CHECK(it != node.attributes.end(),
               absl::StrCat(Describe(node), " has no ", name));
  return std::get<T>(it->second);
}

bool IsFloating(DataType dtype) {
  return dtype == DataType::kF16 || dtype == DataType::kF32 ||
         dtype == DataType::kBF16 || dtype == DataType::kF64;
}

// Numpy broadcasting, aligned at the last dimension.
Shape Broadcast(const Shape& a, const Shape& b) {
  Shape result = a.size() > b.size() ? a : b;
  const Shape& other = a.size() > b.size() ? b : a;
  for (size_t back = 1; back <= other.size(); ++back) {
    int64_t& size = result[result.size() - back];
    size = std::max(size, other[other.size() - back]);
  }
  return result;
}

}  // namespace

int64_t IntOf(const Node& node, const char* name) {
  return AttributeOf<int64_t>(node, name);
}

float FloatOf(const Node& node, const char* name) {
  return AttributeOf<float>(node, name);
}

const std::string& StringOf(const Node& node, const char* name) {
  return AttributeOf<std::string>(node, name);
}

const std::vector<int64_t>& IntsOf(const Node& node, const char* name) {
  return AttributeOf<std::vector<int64_t>>(node, name);
}

std::vector<int64_t> BeginsOf(const std::vector<int64_t>& pads) {
  return {pads.begin(), pads.begin() + pads.size() / 2};
}

std::vector<int64_t> EndsOf(const std::vector<int64_t>& pads) {
  return {pads.begin() + pads.size() / 2, pads.end()};
}

Translator::Translator(const Graph& graph) : graph_(graph) {
  network_.graph = &graph;
  network_.inputs = graph.inputs;
  network_.outputs = graph.outputs;
  for (const Value& value : graph.values) {
    // Values that no node touches may be without a type.
    const DataType dtype = value.dtype.value_or(DataType::kF32);
    network_.values.push_back({value.name,
                               IsFloating(dtype) ? DataType::kF32 : dtype,
                               value.shape.value_or(Shape()), value.constant});
  }
}

const std::map<std::string, Translator::Method>& Translator::Methods() {
  using T = Translator;
  static const auto* const methods = new std::map<std::string, Method>{
      {"Conv", &T::TakeConv},
      {"MaxPool", &T::TakeMaxPool},
      {"AveragePool", &T::TakeAveragePool},
      {"GlobalAveragePool", &T::TakeGlobalAveragePool},
      {"BatchNormalization", &T::TakeBatchNormalization},
      {"Gemm", &T::TakeGemm},
      {"MatMul", &T::TakeMatMul},
      {"Relu", &T::TakeUnary},
      {"Sigmoid", &T::TakeUnary},
      {"Tanh", &T::TakeUnary},
      {"LeakyRelu", &T::TakeUnary},
      {"Clip", &T::TakeUnary},
      {"Add", &T::TakeBinary},
      {"Sub", &T::TakeBinary},
      {"Mul", &T::TakeBinary},
      {"Div", &T::TakeBinary},
      {"Sum", &T::TakeSum},
      {"Concat", &T::TakeConcat},
      {"Flatten", &T::TakeReshape},
      {"Reshape", &T::TakeReshape},
      {"Squeeze", &T::TakeReshape},
      {"Unsqueeze", &T::TakeReshape},
      {"Identity", &T::TakeReshape},
      {"Dropout", &T::TakeReshape},
      {"Transpose", &T::TakeTranspose},
      {"Softmax", &T::TakeSoftmax},
      {"Cast", &T::TakeCast},
      {"LRN", &T::TakeLrn},
      {"Pad", &T::TakePad},
  };
  return *methods;
}

absl::StatusOr<Network> Translator::Run() {
  for (const Node& node : graph_.nodes) {
    const auto method = Methods().find(node.op_type);
    if (method == Methods().end()) {
      return absl::UnimplementedError(
          absl::StrCat(Describe(node), ": the operator is not supported"));
    }
    RETURN_IF_ERROR((this->*method->second)(node));
  }
  return std::move(network_);
}

absl::StatusOr<std::vector<float>> Translator::ReadVector(const Node& node,
                                                          int value) {
  if (!IsConstant(value)) {
    return absl::UnimplementedError(absl::StrCat(
        Describe(node), ": input \"", network_.values[value].name,
        "\" is computed at run time; only constants are supported there"));
  }
  return ReadAll(network_, WeightOf(value));
}

Weight Translator::WeightOf(int value) const {
  return Weight::Of(network_.values[value].constant, ShapeOf(value));
}

int Translator::NewValue(const Node& node, Shape shape) {
  network_.values.push_back(
      {absl::StrCat(node.name, ":", network_.values.size()), DataType::kF32,
       std::move(shape), -1});
  return static_cast<int>(network_.values.size()) - 1;
}

Operation& Translator::Append(
    const Node& node, std::variant<Operator, Reshape, Transpose, Concat> op,
    std::vector<int> inputs, int output) {
  network_.nodes.push_back({node.name,
                            Describe(node),
                            std::move(op),
                            std::move(inputs),
                            output,
                            {}});
  return network_.nodes.back();
}

absl::Status Translator::TakeUnary(const Node& node) {
  Activation activation;
  if (node.op_type == "Relu") activation.kind = ActivationKind::kRelu;
  if (node.op_type == "Sigmoid") activation.kind = ActivationKind::kSigmoid;
  if (node.op_type == "Tanh") activation.kind = ActivationKind::kTanh;
  if (node.op_type == "LeakyRelu") {
    activation = {ActivationKind::kLeakyRelu, FloatOf(node, "alpha"), 0};
  }
  if (node.op_type == "Clip") {
    activation = {ActivationKind::kClip, FloatOf(node, "min"),
                  FloatOf(node, "max")};
    if (activation.alpha == 0 &&
        activation.beta == std::numeric_limits<float>::infinity()) {
      activation = {ActivationKind::kRelu, 0, 0};
    }
  }
  Append(node, Operator(Unary{activation}), {node.inputs[0]}, node.outputs[0]);
  return absl::OkStatus();
}

void Translator::AppendBinary(const Node& node, Binary::Kind kind, int left,
                              int right, int output) {
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

absl::Status Translator::TakeBinary(const Node& node) {
  Binary::Kind kind = Binary::Kind::kAdd;
  if (node.op_type == "Sub") kind = Binary::Kind::kSub;
  if (node.op_type == "Mul") kind = Binary::Kind::kMul;
  if (node.op_type == "Div") kind = Binary::Kind::kDiv;
  AppendBinary(node, kind, node.inputs[0], node.inputs[1], node.outputs[0]);
  return absl::OkStatus();
}

absl::Status Translator::TakeSum(const Node& node) {
  int sum = node.inputs[0];
  if (node.inputs.size() == 1) return TakeReshape(node);
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    const int output =
        i + 1 == node.inputs.size()
            ? node.outputs[0]
            : NewValue(node, Broadcast(ShapeOf(sum), ShapeOf(node.inputs[i])));
    AppendBinary(node, Binary::Kind::kAdd, sum, node.inputs[i], output);
    sum = output;
  }
  return absl::OkStatus();
}

absl::Status Translator::TakeConcat(const Node& node) {
  Append(node, Concat{IntOf(node, "axis")}, node.inputs, node.outputs[0]);
  return absl::OkStatus();
}

absl::Status Translator::TakeReshape(const Node& node) {
  Append(node, Reshape{}, {node.inputs[0]}, node.outputs[0]);
  return absl::OkStatus();
}

absl::Status Translator::TakeTranspose(const Node& node) {
  Append(node, Transpose{IntsOf(node, "perm")}, {node.inputs[0]},
         node.outputs[0]);
  return absl::OkStatus();
}

absl::Status Translator::TakeSoftmax(const Node& node) {
  Append(node,
         Operator(Softmax{IntOf(node, "axis"), IntOf(node, "axis_count")}),
         {node.inputs[0]}, node.outputs[0]);
  return absl::OkStatus();
}

absl::Status Translator::TakeCast(const Node& node) {
  const DataType from = network_.values[node.inputs[0]].dtype;
  const DataType to = network_.values[node.outputs[0]].dtype;
  if (from == to) return TakeReshape(node);
  Append(node, Operator(Copy{}), {node.inputs[0]}, node.outputs[0]);
  return absl::OkStatus();
}

absl::Status Translator::TakeLrn(const Node& node) {
  Append(node,
         Operator(Lrn{IntOf(node, "size"), FloatOf(node, "alpha"),
                      FloatOf(node, "beta"), FloatOf(node, "bias")}),
         {node.inputs[0]}, node.outputs[0]);
  return absl::OkStatus();
}

absl::StatusOr<Network> Translate(const Graph& graph) {
  return Translator(graph).Run();
}

}  // namespace layerd
