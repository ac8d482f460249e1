// What has weights: convolutions, matrix products, batch normalisation.

#include <cmath>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "config/status_macros.h"
#include "daemon/pack/network/translator.h"

namespace layerd {

namespace {

using Shape = std::vector<int64_t>;

// A convolution, transposed or not.
template <typename Op>
Op WindowsOf(const Node& node) {
  Op op;
  op.groups = IntOf(node, "group");
  op.strides = IntsOf(node, "strides");
  op.dilations = IntsOf(node, "dilations");
  op.pads_begin = BeginsOf(IntsOf(node, "pads"));
  op.pads_end = EndsOf(IntsOf(node, "pads"));
  return op;
}

bool HasBias(const Node& node) {
  return node.inputs.size() > 2 && node.inputs[2] != kAbsent;
}

}  // namespace

// [O, I / groups, ...] as [groups, O / groups, I / groups, ...].
int Translator::GroupedKernel(const Node& node, int kernel, int64_t groups) {
  if (groups == 1) return kernel;
  Shape shape = ShapeOf(kernel);
  shape[0] /= groups;
  shape.insert(shape.begin(), groups);
  return Reshaped(node, kernel, std::move(shape));
}

// [I, O / groups, ...] as [groups, O / groups, I / groups, ...].
int Translator::TransposedKernel(const Node& node, int kernel, int64_t groups) {
  const int grouped = GroupedKernel(node, kernel, groups);
  Shape permutation;
  for (size_t d = 0; d < ShapeOf(grouped).size(); ++d) {
    permutation.push_back(static_cast<int64_t>(d));
  }
  const size_t outputs = groups == 1 ? 1 : 2;
  std::swap(permutation[outputs - 1], permutation[outputs]);
  return Transposed(node, grouped, std::move(permutation));
}

absl::Status Translator::TakeConv(const Node& node) {
  auto conv = WindowsOf<Convolution>(node);
  const int kernel = node.inputs[1];
  if (IsConstant(kernel)) return Convolve(node, conv, WeightOf(kernel));
  return Convolve(node, conv, GroupedKernel(node, kernel, conv.groups));
}

absl::Status Translator::TakeConvTranspose(const Node& node) {
  auto conv = WindowsOf<ConvTranspose>(node);
  const int kernel = node.inputs[1];
  if (!IsConstant(kernel)) {
    return Convolve(node, conv, TransposedKernel(node, kernel, conv.groups));
  }
  Weight weight = WeightOf(kernel);
  weight.transposed = true;
  weight.shape[0] = ShapeOf(node.outputs[0])[1];
  weight.shape[1] = ShapeOf(node.inputs[0])[1] / conv.groups;
  return Convolve(node, conv, std::move(weight));
}

// A kernel or a bias that is computed at run time costs layers of its own.
template <typename Op>
absl::Status Translator::Convolve(const Node& node, Op conv,
                                  std::variant<Weight, int> kernel) {
  conv.kernel_is_input = std::holds_alternative<int>(kernel);
  const bool adds_later =
      HasBias(node) && (conv.kernel_is_input || !IsConstant(node.inputs[2]));
  conv.has_bias = HasBias(node) && !adds_later;
  std::vector<int> inputs = {node.inputs[0]};
  std::vector<Weight> weights;
  if (conv.kernel_is_input) {
    inputs.push_back(std::get<int>(kernel));
  } else {
    weights.push_back(std::get<Weight>(std::move(kernel)));
  }
  if (conv.has_bias) {
    ASSIGN_OR_RETURN(std::vector<float> bias, ReadVector(node, node.inputs[2]));
    weights.push_back(Weight::Vector(std::move(bias)));
  }
  const int output =
      adds_later ? NewValue(node, ShapeOf(node.outputs[0])) : node.outputs[0];
  Append(node, Operator(std::move(conv)), std::move(inputs), output).weights =
      std::move(weights);
  if (!adds_later) return absl::OkStatus();
  AppendBinary(node, Binary::Kind::kAdd, output,
               PerChannel(node, node.inputs[2], ShapeOf(output).size()),
               node.outputs[0]);
  return absl::OkStatus();
}

absl::Status Translator::TakeBatchNormalization(const Node& node) {
  if (IntOf(node, "training_mode") != 0) {
    return TakeTrainingBatchNormalization(node);
  }
  for (size_t i = 1; i < 5; ++i) {
    if (IsConstant(node.inputs[i])) continue;
    return TakeRunTimeBatchNormalization(node);
  }
  ASSIGN_OR_RETURN(std::vector<float> scale, ReadVector(node, node.inputs[1]));
  ASSIGN_OR_RETURN(std::vector<float> shift, ReadVector(node, node.inputs[2]));
  ASSIGN_OR_RETURN(const std::vector<float> mean,
                   ReadVector(node, node.inputs[3]));
  ASSIGN_OR_RETURN(const std::vector<float> variance,
                   ReadVector(node, node.inputs[4]));
  const double epsilon = FloatOf(node, "epsilon");
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

absl::Status Translator::TakeRecurrent(const Node& node) {
  Recurrent op;
  op.kind = static_cast<Recurrent::Kind>(IntOf(node, "kind"));
  op.is_reverse = IntOf(node, "is_reverse") != 0;
  op.resets_product = IntOf(node, "resets_product") != 0;
  op.clip = FloatOf(node, "clip");
  Activation* const activations[] = {&op.f, &op.g, &op.h};
  for (size_t i = 0; i < 3; ++i) {
    *activations[i] = {
        static_cast<ActivationKind>(IntsOf(node, "activations")[i]),
        FloatsOf(node, "activation_alpha")[i],
        FloatsOf(node, "activation_beta")[i]};
  }
  const auto weight_count = static_cast<size_t>(IntOf(node, "weights"));
  op.has_peepholes = op.kind == Recurrent::Kind::kLstm && weight_count > 1;
  std::vector<Weight> weights;
  for (size_t i = 1; i <= weight_count; ++i) {
    weights.push_back(WeightOf(node.inputs[i]));
  }
  std::vector<int> inputs = {node.inputs[0]};
  if (node.inputs.size() > weight_count + 1) {
    inputs.push_back(node.inputs.back());
  }
  Append(node, Operator(op), std::move(inputs), node.outputs[0]).weights =
      std::move(weights);
  return absl::OkStatus();
}

int Translator::Reshaped(const Node& node, int value, Shape shape) {
  if (ShapeOf(value) == shape) return value;
  const int output =
      NewValue(node, std::move(shape), network_.values[value].dtype);
  Append(node, Reshape{}, {value}, output);
  return output;
}

int Translator::Transposed(const Node& node, int value, Shape permutation) {
  Shape shape;
  for (const int64_t d : permutation) shape.push_back(ShapeOf(value)[d]);
  const int output =
      NewValue(node, std::move(shape), network_.values[value].dtype);
  Append(node, Transpose{std::move(permutation)}, {value}, output);
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
  const float alpha = FloatOf(node, "alpha");
  const float beta = FloatOf(node, "beta");
  const bool adds = node.inputs.size() > 2 && node.inputs[2] != kAbsent;
  const int a = IntOf(node, "transA") != 0
                    ? Transposed(node, node.inputs[0], {1, 0})
                    : node.inputs[0];
  const bool transposed = IntOf(node, "transB") != 0;
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
    if (transposed) b = Transposed(node, b, {1, 0});
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
    weight.transposed =
        weight.shape.size() == 2 && node.op_type != "MatMulOfRows";
    if (weight.transposed) {
      std::swap(weight.shape[0], weight.shape[1]);
    } else if (weight.shape.size() == 1) {
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

}  // namespace layerd
