#include "daemon/pack/network/translate.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "config/check.h"
#include "config/status_macros.h"
#include "daemon/pack/network/translator.h"

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

// What is computed on as f32.
bool IsNarrowFloat(DataType dtype) {
  return dtype == DataType::kF16 || dtype == DataType::kF32 ||
         dtype == DataType::kBF16;
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

const std::vector<float>& FloatsOf(const Node& node, const char* name) {
  return AttributeOf<std::vector<float>>(node, name);
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
                               IsNarrowFloat(dtype) ? DataType::kF32 : dtype,
                               value.shape.value_or(Shape()), value.constant});
  }
}

const std::map<std::string, Translator::Method>& Translator::Methods() {
  using T = Translator;
  static const auto* const methods = new std::map<std::string, Method>{
      {"Conv", &T::TakeConv},
      {"ConvTranspose", &T::TakeConvTranspose},
      {"MaxPool", &T::TakeMaxPool},
      {"AveragePool", &T::TakeAveragePool},
      {"GlobalAveragePool", &T::TakeGlobalPool},
      {"GlobalMaxPool", &T::TakeGlobalPool},
      {"BatchNormalization", &T::TakeBatchNormalization},
      {"Gemm", &T::TakeGemm},
      {"MatMul", &T::TakeMatMul},
      {"MatMulOfRows", &T::TakeMatMul},
      {"Recurrent", &T::TakeRecurrent},
      {"TopPlaces", &T::TakeTopPlaces},
      {"Pad", &T::TakePad},
      {"Celu", &T::TakeCelu},
      {"Clip", &T::TakeClip},
      {"IsNaN", &T::TakeIsNaN},
      {"Where", &T::TakeWhere},
      {"Cast", &T::TakeCast},
      {"CastLike", &T::TakeCast},
      {"ReduceLogSumExp", &T::TakeReduceLogSumExp},
      {"Softmax", &T::TakeSoftmax},
      {"LogSoftmax", &T::TakeLogSoftmax},
      {"LRN", &T::TakeLrn},
      {"LayerNormalization", &T::TakeLayerNormalization},
      {"InstanceNormalization", &T::TakeInstanceNormalization},
      {"GroupNormalization", &T::TakeGroupNormalization},
      {"Concat", &T::TakeConcat},
      {"Flatten", &T::TakeReshape},
      {"Reshape", &T::TakeReshape},
      {"Squeeze", &T::TakeReshape},
      {"Unsqueeze", &T::TakeReshape},
      {"Identity", &T::TakeReshape},
      {"Dropout", &T::TakeReshape},
      {"Transpose", &T::TakeTranspose},
      {"Expand", &T::TakeExpand},
      {"Slice", &T::TakeSlice},
      {"Gather", &T::TakeGather},
      {"DepthToSpace", &T::TakeDepthToSpace},
      {"SpaceToDepth", &T::TakeSpaceToDepth},
      {"Tile", &T::TakeTile},
      {"Resize", &T::TakeResize},
      {"Upsample", &T::TakeResize},
      {"Abs", &T::TakeUnary},
      {"Ceil", &T::TakeUnary},
      {"Cos", &T::TakeUnary},
      {"Elu", &T::TakeUnary},
      {"Erf", &T::TakeUnary},
      {"Exp", &T::TakeUnary},
      {"Floor", &T::TakeUnary},
      {"Gelu", &T::TakeUnary},
      {"HardSigmoid", &T::TakeUnary},
      {"HardSwish", &T::TakeUnary},
      {"LeakyRelu", &T::TakeUnary},
      {"Log", &T::TakeUnary},
      {"Mish", &T::TakeUnary},
      {"Neg", &T::TakeUnary},
      {"Not", &T::TakeUnary},
      {"Reciprocal", &T::TakeUnary},
      {"Relu", &T::TakeUnary},
      {"Round", &T::TakeUnary},
      {"Selu", &T::TakeUnary},
      {"Sigmoid", &T::TakeUnary},
      {"Sign", &T::TakeUnary},
      {"Sin", &T::TakeUnary},
      {"Softplus", &T::TakeUnary},
      {"Softsign", &T::TakeUnary},
      {"Sqrt", &T::TakeUnary},
      {"Tanh", &T::TakeUnary},
      {"ThresholdedRelu", &T::TakeUnary},
      {"Add", &T::TakeBinary},
      {"And", &T::TakeBinary},
      {"Div", &T::TakeBinary},
      {"Equal", &T::TakeBinary},
      {"Greater", &T::TakeBinary},
      {"GreaterOrEqual", &T::TakeBinary},
      {"Less", &T::TakeBinary},
      {"LessOrEqual", &T::TakeBinary},
      {"Mod", &T::TakeBinary},
      {"Mul", &T::TakeBinary},
      {"Or", &T::TakeBinary},
      {"PRelu", &T::TakeBinary},
      {"Pow", &T::TakeBinary},
      {"Sub", &T::TakeBinary},
      {"Xor", &T::TakeBinary},
      {"Max", &T::TakeVariadic},
      {"Mean", &T::TakeVariadic},
      {"Min", &T::TakeVariadic},
      {"Sum", &T::TakeVariadic},
      {"ArgMax", &T::TakeReduce},
      {"ArgMin", &T::TakeReduce},
      {"ReduceL1", &T::TakeReduce},
      {"ReduceL2", &T::TakeReduce},
      {"ReduceLogSum", &T::TakeReduce},
      {"ReduceMax", &T::TakeReduce},
      {"ReduceMean", &T::TakeReduce},
      {"ReduceMin", &T::TakeReduce},
      {"ReduceProd", &T::TakeReduce},
      {"ReduceSum", &T::TakeReduce},
      {"ReduceSumSquare", &T::TakeReduce},
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
  const Network::Value& of = network_.values[value];
  return Weight::Of(of.constant, of.shape, of.dtype);
}

int Translator::NewValue(const Node& node, Shape shape, DataType dtype) {
  network_.values.push_back(
      {absl::StrCat(node.name, ":", network_.values.size()), dtype,
       std::move(shape), -1});
  return static_cast<int>(network_.values.size()) - 1;
}

Operation& Translator::Append(const Node& node, NetworkOperator op,
                              std::vector<int> inputs, int output) {
  network_.nodes.push_back({node.name,
                            Describe(node),
                            std::move(op),
                            std::move(inputs),
                            output,
                            {}});
  return network_.nodes.back();
}

absl::StatusOr<Network> Translate(const Graph& graph) {
  return Translator(graph).Run();
}

}  // namespace layerd
