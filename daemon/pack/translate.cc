#include "daemon/pack/translate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "config/check.h"
#include "config/status_macros.h"

namespace layerd {
namespace {

using Shape = std::vector<int64_t>;

template <typename T>
const T& Attribute(const Node& node, const char* name) {
  const auto it = node.attributes.find(name);
  LAYERD_CHECK(it != node.attributes.end(),
               absl::StrCat(Describe(node), " has no ", name));
  return std::get<T>(it->second);
}

const Shape& Ints(const Node& node, const char* name) {
  return Attribute<Shape>(node, name);
}
int64_t Int(const Node& node, const char* name) {
  return Attribute<int64_t>(node, name);
}
float Float(const Node& node, const char* name) {
  return Attribute<float>(node, name);
}

Shape FirstHalf(const Shape& pads) {
  return {pads.begin(), pads.begin() + pads.size() / 2};
}
Shape SecondHalf(const Shape& pads) {
  return {pads.begin() + pads.size() / 2, pads.end()};
}

bool IsFloating(DataType dtype) {
  return dtype == DataType::kF16 || dtype == DataType::kF32 ||
         dtype == DataType::kBF16 || dtype == DataType::kF64;
}

// Translates one graph. Each method appends the nodes for one of the graph's.
class Translator {
 public:
  explicit Translator(const Graph& graph);

  absl::StatusOr<Network> Run();

 private:
  using Method = absl::Status (Translator::*)(const Node&);
  static const std::map<std::string, Method>& Methods();

  absl::Status TakeConv(const Node& node);
  absl::Status TakeMaxPool(const Node& node);
  absl::Status TakeAveragePool(const Node& node);
  absl::Status TakeGlobalAveragePool(const Node& node);
  absl::Status TakeBatchNormalization(const Node& node);
  absl::Status TakeGemm(const Node& node);
  absl::Status TakeMatMul(const Node& node);
  absl::Status TakeUnary(const Node& node);
  absl::Status TakeBinary(const Node& node);
  absl::Status TakeSum(const Node& node);
  absl::Status TakeConcat(const Node& node);
  absl::Status TakeReshape(const Node& node);
  absl::Status TakeTranspose(const Node& node);
  absl::Status TakeSoftmax(const Node& node);
  absl::Status TakeCast(const Node& node);
  absl::Status TakeLrn(const Node& node);
  absl::Status TakePad(const Node& node);

  bool IsConstant(int value) const {
    return network_.values[value].constant >= 0;
  }
  const Shape& ShapeOf(int value) const { return network_.values[value].shape; }
  // All numbers of a small constant.
  absl::StatusOr<std::vector<float>> ReadVector(const Node& node, int value);
  Weight WeightOf(int value) const;
  int NewValue(const Node& node, Shape shape);
  Operation& Append(const Node& node,
                    std::variant<Operator, Reshape, Transpose, Concat> op,
                    std::vector<int> inputs, int output);
  void AppendBinary(const Node& node, Binary::Kind kind, int left, int right,
                    int output);
  absl::Status AppendAddition(const Node& node, int product, int addend,
                              float beta);
  int Reshaped(const Node& node, int value, Shape shape);
  int Transposed(const Node& node, int value);

  const Graph& graph_;
  Network network_;
};

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

absl::Status Translator::TakeConv(const Node& node) {
  const int kernel = node.inputs[1];
  if (!IsConstant(kernel)) {
    return absl::UnimplementedError(absl::StrCat(
        Describe(node), ": weights \"", network_.values[kernel].name,
        "\" are computed at run time; only constants are supported"));
  }
  Convolution conv;
  conv.groups = Int(node, "group");
  conv.strides = Ints(node, "strides");
  conv.dilations = Ints(node, "dilations");
  conv.pads_begin = FirstHalf(Ints(node, "pads"));
  conv.pads_end = SecondHalf(Ints(node, "pads"));
  conv.has_bias = node.inputs.size() > 2 && node.inputs[2] != kAbsent;
  std::vector<Weight> weights = {WeightOf(kernel)};
  if (conv.has_bias) {
    ASSIGN_OR_RETURN(std::vector<float> bias, ReadVector(node, node.inputs[2]));
    weights.push_back(Weight::Vector(std::move(bias)));
  }
  Append(node, Operator(std::move(conv)), {node.inputs[0]}, node.outputs[0])
      .weights = std::move(weights);
  return absl::OkStatus();
}

Pool PoolOf(const Node& node, Pool::Kind kind) {
  Pool pool;
  pool.kind = kind;
  pool.kernel = Ints(node, "kernel_shape");
  pool.strides = Ints(node, "strides");
  pool.dilations = Ints(node, "dilations");
  pool.pads_begin = FirstHalf(Ints(node, "pads"));
  pool.pads_end = SecondHalf(Ints(node, "pads"));
  const Shape& ceil_pads = Ints(node, "ceil_pads");
  for (size_t d = 0; d < ceil_pads.size(); ++d) {
    pool.pads_end[d] += ceil_pads[d];
  }
  return pool;
}

absl::Status Translator::TakeMaxPool(const Node& node) {
  Append(node, Operator(PoolOf(node, Pool::Kind::kMax)), {node.inputs[0]},
         node.outputs[0]);
  return absl::OkStatus();
}

// Pads that count in the divisor, beside ceil pads that do not: the former
// become a layer of zeros.
absl::Status Translator::TakeAveragePool(const Node& node) {
  Pool pool = PoolOf(node, Pool::Kind::kAverage);
  pool.count_include_pad = Int(node, "count_include_pad") != 0;
  const Shape& ceil_pads = Ints(node, "ceil_pads");
  int input = node.inputs[0];
  if (pool.count_include_pad &&
      std::any_of(ceil_pads.begin(), ceil_pads.end(),
                  [](int64_t pad) { return pad != 0; })) {
    Pad pad;
    pad.begin = pad.end = {0, 0};
    Shape padded = ShapeOf(input);
    for (size_t d = 0; d < ceil_pads.size(); ++d) {
      pad.begin.push_back(std::exchange(pool.pads_begin[d], 0));
      pad.end.push_back(std::exchange(pool.pads_end[d], ceil_pads[d]) -
                        ceil_pads[d]);
      padded[d + 2] += pad.begin.back() + pad.end.back();
    }
    const int output = NewValue(node, std::move(padded));
    Append(node, Operator(std::move(pad)), {input}, output);
    input = output;
    pool.count_include_pad = false;
  }
  Append(node, Operator(std::move(pool)), {input}, node.outputs[0]);
  return absl::OkStatus();
}

absl::Status Translator::TakeGlobalAveragePool(const Node& node) {
  const Shape& shape = ShapeOf(node.inputs[0]);
  Pool pool;
  pool.kind = Pool::Kind::kAverage;
  pool.kernel.assign(shape.begin() + 2, shape.end());
  pool.strides.assign(pool.kernel.size(), 1);
  pool.dilations = pool.strides;
  pool.pads_begin.assign(pool.kernel.size(), 0);
  pool.pads_end = pool.pads_begin;
  Append(node, Operator(std::move(pool)), {node.inputs[0]}, node.outputs[0]);
  return absl::OkStatus();
}

absl::Status Translator::TakeBatchNormalization(const Node& node) {
  ASSIGN_OR_RETURN(std::vector<float> scale, ReadVector(node, node.inputs[1]));
  ASSIGN_OR_RETURN(std::vector<float> shift, ReadVector(node, node.inputs[2]));
  ASSIGN_OR_RETURN(const std::vector<float> mean,
                   ReadVector(node, node.inputs[3]));
  ASSIGN_OR_RETURN(const std::vector<float> variance,
                   ReadVector(node, node.inputs[4]));
  const double epsilon = Float(node, "epsilon");
  for (size_t c = 0; c < scale.size(); ++c) {
    const double factor = scale[c] / std::sqrt(variance[c] + epsilon);
    shift[c] = static_cast<float>(shift[c] - mean[c] * factor);
    scale[c] = static_cast<float>(factor);
  }
  Append(node, Operator(ScaleShift{}), {node.inputs[0]}, node.outputs[0])
      .weights = {Weight::Vector(std::move(scale)),
                  Weight::Vector(std::move(shift))};
  return absl::OkStatus();
}

int Translator::Reshaped(const Node& node, int value, Shape shape) {
  if (ShapeOf(value) == shape) return value;
  const int output = NewValue(node, std::move(shape));
  Append(node, Reshape{}, {value}, output);
  return output;
}

int Translator::Transposed(const Node& node, int value) {
  const Shape& shape = ShapeOf(value);
  const int output = NewValue(node, {shape[1], shape[0]});
  Append(node, Transpose{{1, 0}}, {value}, output);
  return output;
}

// output = product + beta * addend.
absl::Status Translator::AppendAddition(const Node& node, int product,
                                        int addend, float beta) {
  const int output = node.outputs[0];
  if (!IsConstant(addend)) {
    if (beta != 1) {
      const int scaled = NewValue(node, ShapeOf(addend));
      Weight factor = Weight::Vector({beta});
      factor.shape.clear();
      Append(node,
             Operator(Binary{Binary::Kind::kMul, Binary::Constant::kRight, {}}),
             {addend}, scaled)
          .weights = {std::move(factor)};
      addend = scaled;
    }
    AppendBinary(node, Binary::Kind::kAdd, product, addend, output);
    return absl::OkStatus();
  }
  Weight weight = WeightOf(addend);
  if (beta != 1) {
    ASSIGN_OR_RETURN(weight.held, ReadAll(network_, weight));
    weight.constant = -1;
    for (float& number : weight.held) number *= beta;
  }
  Append(node,
         Operator(Binary{Binary::Kind::kAdd, Binary::Constant::kRight, {}}),
         {product}, output)
      .weights = {std::move(weight)};
  return absl::OkStatus();
}

absl::Status Translator::TakeGemm(const Node& node) {
  const float alpha = Float(node, "alpha");
  const float beta = Float(node, "beta");
  const bool adds = node.inputs.size() > 2 && node.inputs[2] != kAbsent;
  const int a = Int(node, "transA") != 0 ? Transposed(node, node.inputs[0])
                                         : node.inputs[0];
  const bool transposed = Int(node, "transB") != 0;
  int b = node.inputs[1];
  const int product =
      adds ? NewValue(node, ShapeOf(node.outputs[0])) : node.outputs[0];
  if (IsConstant(b)) {
    Weight weight = WeightOf(b);
    weight.transposed = !transposed;
    if (weight.transposed) std::swap(weight.shape[0], weight.shape[1]);
    if (alpha != 1) weight.output_scale.assign(weight.shape[0], alpha);
    Append(node, Operator(FullyConnected{}), {a}, product).weights = {
        std::move(weight)};
  } else {
    if (transposed) b = Transposed(node, b);
    Append(node, Operator(MatMul{alpha}), {a, b}, product);
  }
  if (!adds) return absl::OkStatus();
  return AppendAddition(node, product, node.inputs[2], beta);
}

absl::Status Translator::TakeMatMul(const Node& node) {
  int a = node.inputs[0];
  int b = node.inputs[1];
  const int output = node.outputs[0];
  if (IsConstant(b) && ShapeOf(b).size() <= 2) {
    Weight weight = WeightOf(b);
    Shape shape = ShapeOf(a);
    weight.transposed = weight.shape.size() == 2;
    if (weight.transposed) {
      std::swap(weight.shape[0], weight.shape[1]);
    } else {
      weight.shape.insert(weight.shape.begin(), 1);
    }
    shape.back() = weight.shape[0];
    const int product =
        shape == ShapeOf(output) ? output : NewValue(node, std::move(shape));
    Append(node, Operator(FullyConnected{}), {a}, product).weights = {
        std::move(weight)};
    if (product != output) Append(node, Reshape{}, {product}, output);
    return absl::OkStatus();
  }
  if (ShapeOf(a).size() == 1) a = Reshaped(node, a, {1, ShapeOf(a)[0]});
  if (ShapeOf(b).size() == 1) b = Reshaped(node, b, {ShapeOf(b)[0], 1});
  Shape shape = ShapeOf(output);
  if (ShapeOf(node.inputs[1]).size() == 1) shape.push_back(1);
  if (ShapeOf(node.inputs[0]).size() == 1) shape.insert(shape.end() - 1, 1);
  const int product =
      shape == ShapeOf(output) ? output : NewValue(node, std::move(shape));
  Append(node, Operator(MatMul{}), {a, b}, product);
  if (product != output) Append(node, Reshape{}, {product}, output);
  return absl::OkStatus();
}

absl::Status Translator::TakeUnary(const Node& node) {
  Activation activation;
  if (node.op_type == "Relu") activation.kind = ActivationKind::kRelu;
  if (node.op_type == "Sigmoid") activation.kind = ActivationKind::kSigmoid;
  if (node.op_type == "Tanh") activation.kind = ActivationKind::kTanh;
  if (node.op_type == "LeakyRelu") {
    activation = {ActivationKind::kLeakyRelu, Float(node, "alpha"), 0};
  }
  if (node.op_type == "Clip") {
    activation = {ActivationKind::kClip, Float(node, "min"),
                  Float(node, "max")};
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
  Append(node, Concat{Int(node, "axis")}, node.inputs, node.outputs[0]);
  return absl::OkStatus();
}

absl::Status Translator::TakeReshape(const Node& node) {
  Append(node, Reshape{}, {node.inputs[0]}, node.outputs[0]);
  return absl::OkStatus();
}

absl::Status Translator::TakeTranspose(const Node& node) {
  Append(node, Transpose{Ints(node, "perm")}, {node.inputs[0]},
         node.outputs[0]);
  return absl::OkStatus();
}

absl::Status Translator::TakeSoftmax(const Node& node) {
  Append(node, Operator(Softmax{Int(node, "axis"), Int(node, "axis_count")}),
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
         Operator(Lrn{Int(node, "size"), Float(node, "alpha"),
                      Float(node, "beta"), Float(node, "bias")}),
         {node.inputs[0]}, node.outputs[0]);
  return absl::OkStatus();
}

absl::Status Translator::TakePad(const Node& node) {
  const std::string& mode = Attribute<std::string>(node, "mode");
  Pad pad;
  pad.mode = mode == "reflect" ? Pad::Mode::kReflect
             : mode == "edge"  ? Pad::Mode::kEdge
                               : Pad::Mode::kConstant;
  pad.begin = FirstHalf(Ints(node, "pads"));
  pad.end = SecondHalf(Ints(node, "pads"));
  pad.value = Float(node, "value");
  Append(node, Operator(std::move(pad)), {node.inputs[0]}, node.outputs[0]);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Network> Translate(const Graph& graph) {
  return Translator(graph).Run();
}

}  // namespace layerd
