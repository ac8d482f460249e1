// Operators as one launch of a plain loop each: what the libraries have no call
// for, or refuse.
#include <algorithm>
#include <numeric>
#include <variant>

#include "absl/strings/str_cat.h"
#include "config/status_macros.h"
#include "kernels/cuda/loop.h"

namespace layerd::cuda {
namespace {

using Sizes = std::vector<int64_t>;

bool IsFloat(DataType type) {
  return type == DataType::kF32 || type == DataType::kF16;
}

KernelOr Make(const Unary& op, const PartSpec& spec) {
  if (!IsFloat(spec.outputs[0].dtype)) return MakeTypedLoop(op, spec);
  Operands operands = WholeOutput(spec);
  operands.x[0] = OperandOf(spec.inputs[0]);
  auto loop = NewLoop(
      spec, &LaunchElementwise, operands,
      ElementwiseArguments{Combination::kFirst, ArgumentsOf(op.activation)});
  loop->Reads(0, Input(0));
  return loop;
}

Combination CombinationOf(Binary::Kind kind) {
  switch (kind) {
    case Binary::Kind::kAdd:
      return Combination::kAdd;
    case Binary::Kind::kSub:
      return Combination::kSub;
    case Binary::Kind::kMul:
      return Combination::kMul;
    case Binary::Kind::kDiv:
      return Combination::kDiv;
    case Binary::Kind::kPow:
      return Combination::kPow;
    case Binary::Kind::kMax:
      return Combination::kMax;
    case Binary::Kind::kMin:
      return Combination::kMin;
    case Binary::Kind::kPRelu:
      return Combination::kPRelu;
    case Binary::Kind::kMod:
      return Combination::kMod;
    default:  // Of integers and truths.
      return Combination::kFirst;
  }
}

KernelOr Make(const Binary& op, const PartSpec& spec) {
  if (!IsFloat(spec.outputs[0].dtype)) return MakeTypedLoop(op, spec);
  const Pair pair = PairOf(op, spec);
  auto loop = NewLoop(
      spec, &LaunchElementwise, pair.operands,
      ElementwiseArguments{CombinationOf(op.kind), ArgumentsOf(op.activation)});
  for (int i = 0; i < 2; ++i) loop->Reads(i, pair.sources[i]);
  return loop;
}

KernelOr Make(const ScaleShift& op, const PartSpec& spec) {
  Operands operands = WholeOutput(spec);
  operands.x[0] = OperandOf(spec.inputs[0]);
  operands.x[1] = ChannelVector(spec, 0);
  operands.x[2] = ChannelVector(spec, 1);
  auto loop = NewLoop(spec, &LaunchElementwise, operands,
                      ElementwiseArguments{Combination::kScaleShift,
                                           ArgumentsOf(op.activation)});
  loop->Reads(0, Input(0));
  loop->Reads(1, Weights(spec, 0));
  loop->Reads(2, Weights(spec, 1));
  return loop;
}

// The bytes of a piece; its strides are the caller's.
Operand WholePiece(const PartSpec& spec, size_t piece) {
  const WeightLayout& layout = spec.weights[piece].layout;
  Operand operand;
  operand.span_bytes = static_cast<int64_t>(layout.bytes());
  operand.is_half = layout.dtype == DataType::kF16;
  return operand;
}

std::vector<int64_t> Dimensions(int64_t first, int64_t count) {
  std::vector<int64_t> dimensions(count);
  std::iota(dimensions.begin(), dimensions.end(), first);
  return dimensions;
}

KernelOr Make(const Softmax& op, const PartSpec& spec) {
  Operands operands = WholeOutput(spec);
  operands.x[0] = OperandOf(spec.inputs[0]);
  const SoftmaxArguments arguments =
      TakeDimensions(spec, Dimensions(op.axis_first, op.axis_count), &operands);
  auto loop = NewLoop(spec, &LaunchSoftmax, operands, arguments);
  loop->Reads(0, Input(0));
  return loop;
}

KernelOr Make(const LayerNorm& op, const PartSpec& spec) {
  Operands operands = WholeOutput(spec);
  operands.x[0] = OperandOf(spec.inputs[0]);
  LayerNormArguments arguments;
  const auto rank = static_cast<int64_t>(spec.inputs[0].shape.size());
  arguments.over = TakeDimensions(
      spec, Dimensions(op.axis_first, rank - op.axis_first), &operands);
  arguments.epsilon = op.epsilon;
  arguments.has_scale = op.has_scale;
  arguments.has_bias = op.has_bias;
  arguments.keeps_mean = op.keeps_mean;
  operands.x[1].span_bytes = operands.x[2].span_bytes =
      arguments.over.count * 4;
  auto loop = NewLoop(spec, &LaunchLayerNorm, operands, arguments);
  loop->Reads(0, Input(0));
  if (op.has_scale) loop->Reads(1, Weights(spec, 0));
  if (op.has_bias) loop->Reads(2, Weights(spec, op.has_scale ? 1 : 0));
  return loop;
}

KernelOr Make(const Lrn& op, const PartSpec& spec) {
  Operands operands = WholeOutput(spec);
  operands.x[0] = OperandOf(spec.inputs[0]);
  auto loop = NewLoop(
      spec, &LaunchLrn, operands,
      LrnArguments{op.size, op.alpha, op.beta, op.k, spec.inputs[0].shape[1]});
  loop->Reads(0, Input(0));
  return loop;
}

KernelOr Make(const Pad& op, const PartSpec& spec) {
  MoveArguments arguments;
  Operands operands;
  DescribeMove(Slice::Of(spec.inputs[0]), spec.inputs[0].dtype,
               Slice::Of(spec.outputs[0]), spec.outputs[0].dtype, {}, &operands,
               &arguments);
  arguments.mode = static_cast<int>(op.mode);
  arguments.value = op.value;
  for (size_t d = 0; d < op.begin.size(); ++d) {
    arguments.begin[d] = op.begin[d];
    arguments.first[d] = std::max<int64_t>(-op.begin[d], 0);
    arguments.last[d] -= std::max<int64_t>(-op.end[d], 0);
  }
  auto loop = NewLoop(spec, &LaunchMove, operands, arguments);
  loop->Reads(0, Input(0));
  return loop;
}

KernelOr Make(const Copy&, const PartSpec& spec) {
  const bool constant = spec.inputs.empty();
  Slice from;
  DataType type = DataType::kF32;
  if (constant) {
    const WeightLayout& layout = spec.weights[0].layout;
    from = {layout.shape, layout.strides, 0};
    type = layout.dtype;
  } else {
    from = Slice::Of(spec.inputs[0]);
    type = spec.inputs[0].dtype;
  }
  MoveArguments arguments;
  Operands operands;
  DescribeMove(from, type, Slice::Of(spec.outputs[0]), spec.outputs[0].dtype,
               {}, &operands, &arguments);
  auto loop = NewLoop(spec, &LaunchMove, operands, arguments);
  loop->Reads(0, constant ? Weights(spec, 0) : Input(0));
  return loop;
}

KernelOr Make(const FullyConnected& op, const PartSpec& spec) {
  const TensorType& x = spec.inputs[0];
  const size_t last = x.shape.size() - 1;
  Slice y = Slice::Of(spec.outputs[0]);
  y.Cut(last, spec.channels);
  // Rows are counted through all leading dimensions.
  Operands operands = OperandsFor(y.shape);
  operands.first = spec.rows.first * spec.channels.count;
  operands.count = spec.rows.count * spec.channels.count;
  operands.y = OperandOf(y, x.dtype);
  operands.x[0] = OperandOf(x);
  operands.x[0].strides[last] = 0;
  operands.x[1] = WholePiece(spec, 0);
  operands.x[1].strides[last] = x.shape[last];
  Slice residual = y;
  if (op.adds_residual) {
    residual = Slice::Of(spec.inputs[1]);
    residual.Cut(last, spec.channels);
    operands.x[2] = OperandOf(residual, x.dtype);
  }
  if (op.has_bias) operands.x[3] = WholePiece(spec, 1);
  operands.x[3].strides[last] = 1;
  ProductArguments arguments;
  arguments.depth = x.shape[last];
  arguments.a_step = x.strides[last];
  arguments.b_step = 1;
  arguments.has_bias = op.has_bias;
  arguments.adds_residual = op.adds_residual;
  arguments.activation = ArgumentsOf(op.activation);
  const auto size = static_cast<int64_t>(SizeOf(x.dtype));
  auto loop = NewLoop(spec, &LaunchProduct, operands, arguments);
  loop->WritesAt(y.offset * size);
  loop->Reads(0, Input(0));
  loop->Reads(1, Weights(spec, 0));
  if (op.adds_residual) loop->Reads(2, Input(1, residual.offset * size));
  if (op.has_bias) loop->Reads(3, Weights(spec, 1));
  return loop;
}

KernelOr Make(const MatMul& op, const PartSpec& spec) {
  const TensorType& a = spec.inputs[0];
  const TensorType& b = spec.inputs[1];
  const size_t rank = spec.outputs[0].shape.size();
  Operands operands = WholeOutput(spec);
  const auto placed = [&](const TensorType& type) {
    Operand operand;
    operand.span_bytes = type.span_bytes();
    operand.is_half = type.dtype == DataType::kF16;
    const size_t missing = rank - type.shape.size();
    for (size_t d = 0; d < type.shape.size(); ++d) {
      if (type.shape[d] > 1) operand.strides[missing + d] = type.strides[d];
    }
    return operand;
  };
  operands.x[0] = placed(a);
  operands.x[0].strides[rank - 1] = 0;
  operands.x[1] = placed(b);
  operands.x[1].strides[rank - 2] = 0;
  ProductArguments arguments;
  arguments.depth = a.shape.back();
  arguments.a_step = a.strides.back();
  arguments.b_step = b.strides[b.strides.size() - 2];
  arguments.scale = op.scale;
  auto loop = NewLoop(spec, &LaunchProduct, operands, arguments);
  loop->Reads(0, Input(0));
  loop->Reads(1, Input(1));
  return loop;
}

// What has a file of its own.
template <typename Op>
KernelOr Make(const Op& op, const PartSpec& spec) {
  return MakeLoop(op, spec);
}

}  // namespace

Operand ChannelVector(const PartSpec& spec, size_t piece) {
  Operand operand = WholePiece(spec, piece);
  operand.strides[1] = 1;
  return operand;
}

Pair PairOf(const Binary& op, const PartSpec& spec) {
  const Sizes& shape = spec.outputs[0].shape;
  const bool constant = op.constant != Binary::Constant::kNone;
  const int first = op.constant == Binary::Constant::kLeft ? 1 : 0;
  const Sizes& other =
      constant ? spec.weights[0].layout.shape : spec.inputs[1].shape;
  const Sizes& strides =
      constant ? spec.weights[0].layout.strides : spec.inputs[1].strides;
  const DataType type =
      constant ? spec.weights[0].layout.dtype : spec.inputs[1].dtype;
  Pair pair;
  pair.operands = WholeOutput(spec);
  pair.operands.x[first] =
      BroadcastOperand(spec.inputs[0].shape, spec.inputs[0].strides, shape,
                       spec.inputs[0].dtype);
  pair.operands.x[1 - first] = BroadcastOperand(other, strides, shape, type);
  pair.sources[first] = Input(0);
  pair.sources[1 - first] = constant ? Weights(spec, 0) : Input(1);
  return pair;
}

SoftmaxArguments TakeDimensions(const PartSpec& spec,
                                const std::vector<int64_t>& dimensions,
                                Operands* operands) {
  const TensorType& x = spec.inputs[0];
  SoftmaxArguments arguments;
  arguments.count = 1;
  for (const int64_t from : dimensions) {
    const int d = arguments.rank++;
    arguments.shape[d] = x.shape[from];
    arguments.count *= x.shape[from];
    arguments.x_strides[d] = x.strides[from];
    arguments.y_strides[d] = spec.outputs[0].strides[from];
    operands->count /= operands->shape[from];
    operands->shape[from] = 1;
  }
  return arguments;
}

KernelOr MakeLoops(const PartSpec& spec) {
  return std::visit([&](const auto& op) { return Make(op, spec); }, spec.op);
}

}  // namespace layerd::cuda
