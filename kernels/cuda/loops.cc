// Every operator as one launch of a plain loop: what the libraries have no
// call for, or refuse.
#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "config/status_macros.h"
#include "kernels/cuda/cuda_kernel.h"
#include "kernels/cuda/slice.h"
#include "kernels/cuda/status.h"

namespace layerd::cuda {
namespace {

using Sizes = std::vector<int64_t>;

// Where an operand lies when the part runs.
struct Source {
  enum Kind { kNone, kInput, kWeights } kind = kNone;
  size_t index = 0;  // Of the input.
  int64_t offset_bytes = 0;
};

template <typename Arguments>
class Loop final : public CudaKernel {
 public:
  using Launcher = cudaError_t (*)(const Operands&, const Arguments&,
                                   cudaStream_t);

  Loop(const PartSpec& spec, Launcher launcher, Operands operands,
       const Arguments& arguments)
      : CudaKernel(spec),
        launcher_(launcher),
        operands_(operands),
        arguments_(arguments) {}

  void Reads(int operand, const Source& source) { sources_[operand] = source; }
  void WritesAt(int64_t offset_bytes) { y_offset_bytes_ = offset_bytes; }

  absl::Status Launch(const Device& device,
                      const DeviceMemory& memory) override {
    Operands placed = operands_;
    placed.y.data = memory.output + y_offset_bytes_;
    for (int i = 0; i < kInputsMax; ++i) {
      const Source& source = sources_[i];
      if (source.kind == Source::kNone) continue;
      std::byte* const base = source.kind == Source::kInput
                                  ? memory.inputs[source.index]
                                  : memory.weights;
      placed.x[i].data = base + source.offset_bytes;
    }
    return FromCuda(launcher_(placed, arguments_, device.compute.get()),
                    "launch");
  }

 private:
  const Launcher launcher_;
  const Operands operands_;
  const Arguments arguments_;
  std::array<Source, kInputsMax> sources_;
  int64_t y_offset_bytes_ = 0;
};

ActivationArguments ArgumentsOf(const Activation& activation) {
  return {static_cast<int>(activation.kind), activation.alpha, activation.beta};
}

Source Input(size_t index, int64_t offset_elements = 0) {
  return {Source::kInput, index, offset_elements * 4};
}
Source Weights(const PartSpec& spec, size_t piece) {
  return {Source::kWeights, 0,
          static_cast<int64_t>(spec.weights[piece].offset_bytes)};
}

Operands WholeOutput(const PartSpec& spec) {
  Operands operands = OperandsFor(spec.outputs[0].shape);
  operands.y =
      OperandOf(Slice::Of(spec.outputs[0]), SizeOf(spec.outputs[0].dtype));
  return operands;
}

template <typename Arguments>
auto MakeLoop(const PartSpec& spec,
              cudaError_t (*launcher)(const Operands&, const Arguments&,
                                      cudaStream_t),
              const Operands& operands, const Arguments& arguments) {
  return std::make_unique<Loop<Arguments>>(spec, launcher, operands, arguments);
}

KernelOr Make(const Unary& op, const PartSpec& spec) {
  Operands operands = WholeOutput(spec);
  operands.x[0] = OperandOf(Slice::Of(spec.inputs[0]));
  auto loop = MakeLoop(
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
    default:  // Not served.
      return Combination::kFirst;
  }
}

KernelOr Make(const Binary& op, const PartSpec& spec) {
  const Sizes& shape = spec.outputs[0].shape;
  const bool constant = op.constant != Binary::Constant::kNone;
  Operands operands = WholeOutput(spec);
  const int first = op.constant == Binary::Constant::kLeft ? 1 : 0;
  operands.x[first] =
      BroadcastOperand(spec.inputs[0].shape, spec.inputs[0].strides, shape);
  const Sizes& other =
      constant ? spec.weights[0].layout.shape : spec.inputs[1].shape;
  const Sizes& strides =
      constant ? spec.weights[0].layout.strides : spec.inputs[1].strides;
  operands.x[1 - first] = BroadcastOperand(other, strides, shape);
  auto loop = MakeLoop(
      spec, &LaunchElementwise, operands,
      ElementwiseArguments{CombinationOf(op.kind), ArgumentsOf(op.activation)});
  loop->Reads(first, Input(0));
  loop->Reads(1 - first, constant ? Weights(spec, 0) : Input(1));
  return loop;
}

// A vector along dimension 1.
Operand ChannelVector(int64_t channels) {
  Operand operand;
  operand.span_bytes = channels * 4;
  operand.strides[1] = 1;
  return operand;
}

KernelOr Make(const ScaleShift& op, const PartSpec& spec) {
  Operands operands = WholeOutput(spec);
  operands.x[0] = OperandOf(Slice::Of(spec.inputs[0]));
  operands.x[1] = ChannelVector(spec.inputs[0].shape[1]);
  operands.x[2] = ChannelVector(spec.inputs[0].shape[1]);
  auto loop = MakeLoop(spec, &LaunchElementwise, operands,
                       ElementwiseArguments{Combination::kScaleShift,
                                            ArgumentsOf(op.activation)});
  loop->Reads(0, Input(0));
  loop->Reads(1, Weights(spec, 0));
  loop->Reads(2, Weights(spec, 1));
  return loop;
}

// Dimensions [first, first + count) are gone through by one thread.
SoftmaxArguments TakeDimensions(const PartSpec& spec, int64_t first,
                                int64_t count, Operands* operands) {
  const TensorType& x = spec.inputs[0];
  SoftmaxArguments arguments;
  arguments.rank = static_cast<int>(count);
  arguments.count = 1;
  for (int64_t d = 0; d < count; ++d) {
    const int64_t from = first + d;
    arguments.shape[d] = x.shape[from];
    arguments.count *= x.shape[from];
    arguments.x_strides[d] = x.strides[from];
    arguments.y_strides[d] = spec.outputs[0].strides[from];
    operands->count /= operands->shape[from];
    operands->shape[from] = 1;
  }
  return arguments;
}

KernelOr Make(const Softmax& op, const PartSpec& spec) {
  Operands operands = WholeOutput(spec);
  operands.x[0] = OperandOf(Slice::Of(spec.inputs[0]));
  const SoftmaxArguments arguments =
      TakeDimensions(spec, op.axis_first, op.axis_count, &operands);
  auto loop = MakeLoop(spec, &LaunchSoftmax, operands, arguments);
  loop->Reads(0, Input(0));
  return loop;
}

KernelOr Make(const LayerNorm& op, const PartSpec& spec) {
  Operands operands = WholeOutput(spec);
  operands.x[0] = OperandOf(Slice::Of(spec.inputs[0]));
  LayerNormArguments arguments;
  const auto rank = static_cast<int64_t>(spec.inputs[0].shape.size());
  arguments.over =
      TakeDimensions(spec, op.axis_first, rank - op.axis_first, &operands);
  arguments.epsilon = op.epsilon;
  arguments.has_scale = op.has_scale;
  arguments.has_bias = op.has_bias;
  operands.x[1].span_bytes = operands.x[2].span_bytes =
      arguments.over.count * 4;
  auto loop = MakeLoop(spec, &LaunchLayerNorm, operands, arguments);
  loop->Reads(0, Input(0));
  if (op.has_scale) loop->Reads(1, Weights(spec, 0));
  if (op.has_bias) loop->Reads(2, Weights(spec, op.has_scale ? 1 : 0));
  return loop;
}

KernelOr Make(const Lrn& op, const PartSpec& spec) {
  Operands operands = WholeOutput(spec);
  operands.x[0] = OperandOf(Slice::Of(spec.inputs[0]));
  auto loop = MakeLoop(
      spec, &LaunchLrn, operands,
      LrnArguments{op.size, op.alpha, op.beta, op.k, spec.inputs[0].shape[1]});
  loop->Reads(0, Input(0));
  return loop;
}

KernelOr Make(const Pad& op, const PartSpec& spec) {
  MoveArguments arguments;
  Operands operands;
  DescribeMove(Slice::Of(spec.inputs[0]), DataType::kF32,
               Slice::Of(spec.outputs[0]), DataType::kF32, {}, &operands,
               &arguments);
  arguments.mode = static_cast<int>(op.mode);
  arguments.value = op.value;
  for (size_t d = 0; d < op.begin.size(); ++d) {
    arguments.begin[d] = op.begin[d];
    arguments.first[d] = std::max<int64_t>(-op.begin[d], 0);
    arguments.last[d] -= std::max<int64_t>(-op.end[d], 0);
  }
  auto loop = MakeLoop(spec, &LaunchMove, operands, arguments);
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
  auto loop = MakeLoop(spec, &LaunchMove, operands, arguments);
  loop->Reads(0, constant ? Weights(spec, 0) : Input(0));
  return loop;
}

// Windows in up to three dimensions; missing ones have size 1 in front.
WindowArguments WindowOf(const TensorType& x, const Sizes& kernel,
                         const Sizes& strides, const Sizes& dilations,
                         const Sizes& pads_begin, const Sizes& pads_end) {
  WindowArguments window;
  const size_t spatial = kernel.size();
  for (size_t d = 0; d < spatial; ++d) {
    const size_t to = 3 - spatial + d;
    window.kernel[to] = kernel[d];
    window.stride[to] = strides[d];
    window.dilation[to] = dilations[d];
    window.pad_begin[to] = pads_begin[d];
    window.pad_end[to] = pads_end[d];
    window.size[to] = x.shape[2 + d];
    window.x_stride[to] = x.strides[2 + d];
  }
  return window;
}

// The kernel walks the windowed dimensions itself.
Operand WithoutWindows(const TensorType& x) {
  Operand operand = OperandOf(Slice::Of(x));
  for (size_t d = 2; d < x.shape.size(); ++d) operand.strides[d] = 0;
  return operand;
}

KernelOr Make(const Pool& op, const PartSpec& spec) {
  Operands operands = WholeOutput(spec);
  operands.x[0] = WithoutWindows(spec.inputs[0]);
  PoolArguments arguments;
  arguments.window = WindowOf(spec.inputs[0], op.kernel, op.strides,
                              op.dilations, op.pads_begin, op.pads_end);
  arguments.is_max = op.kind == Pool::Kind::kMax;
  arguments.count_include_pad = op.count_include_pad;
  auto loop = MakeLoop(spec, &LaunchPool, operands, arguments);
  loop->Reads(0, Input(0));
  return loop;
}

ConvolutionArguments ArgumentsOf(const Convolution& op, const PartSpec& spec) {
  const TensorType& x = spec.inputs[0];
  const WeightLayout& kernel = spec.weights[0].layout;
  const size_t spatial = op.strides.size();
  const size_t rank = kernel.shape.size();
  ConvolutionArguments arguments;
  arguments.window =
      WindowOf(x, Sizes(kernel.shape.end() - spatial, kernel.shape.end()),
               op.strides, op.dilations, op.pads_begin, op.pads_end);
  for (size_t d = 0; d < spatial; ++d) {
    arguments.window.w_stride[3 - spatial + d] =
        kernel.strides[rank - spatial + d];
  }
  // Rows of the part, as if the padding began earlier.
  const size_t first = 3 - spatial;
  arguments.window.pad_begin[first] -= spec.rows.first * op.strides[0];
  arguments.channel_first = spec.channels.first;
  arguments.outputs_of_group = spec.outputs[0].shape[1] / op.groups;
  arguments.inputs_of_group = x.shape[1] / op.groups;
  arguments.x_channel_stride = x.strides[1];
  arguments.w_output_stride = kernel.strides[rank - spatial - 2];
  arguments.w_input_stride = kernel.strides[rank - spatial - 1];
  arguments.has_bias = op.has_bias;
  arguments.adds_residual = op.adds_residual;
  arguments.activation = ArgumentsOf(op.activation);
  return arguments;
}

KernelOr Make(const Convolution& op, const PartSpec& spec) {
  Slice y = Slice::Of(spec.outputs[0]);
  y.Cut(1, spec.channels);
  y.Cut(2, spec.rows);
  Operands operands = OperandsFor(y.shape);
  operands.y = OperandOf(y);
  operands.x[0] = WithoutWindows(spec.inputs[0]);
  operands.x[0].strides[1] = 0;  // And the channels.
  operands.x[1] = ChannelVector(spec.channels.count);
  operands.x[3].span_bytes =
      static_cast<int64_t>(spec.weights[0].layout.bytes());
  Slice residual;
  if (op.adds_residual) {
    residual = Slice::Of(spec.inputs[1]);
    residual.Cut(1, spec.channels);
    residual.Cut(2, spec.rows);
    operands.x[2] = OperandOf(residual);
  }
  auto loop =
      MakeLoop(spec, &LaunchConvolution, operands, ArgumentsOf(op, spec));
  loop->WritesAt(y.offset * 4);
  loop->Reads(0, Input(0));
  if (op.has_bias) loop->Reads(1, Weights(spec, 1));
  if (op.adds_residual) loop->Reads(2, Input(1, residual.offset));
  loop->Reads(3, Weights(spec, 0));
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
  operands.y = OperandOf(y);
  operands.x[0] = OperandOf(Slice::Of(x));
  operands.x[0].strides[last] = 0;
  operands.x[1].span_bytes =
      static_cast<int64_t>(spec.weights[0].layout.bytes());
  operands.x[1].strides[last] = x.shape[last];
  Slice residual = y;
  if (op.adds_residual) {
    residual = Slice::Of(spec.inputs[1]);
    residual.Cut(last, spec.channels);
    operands.x[2] = OperandOf(residual);
  }
  operands.x[3].span_bytes = spec.channels.count * 4;
  operands.x[3].strides[last] = 1;
  ProductArguments arguments;
  arguments.depth = x.shape[last];
  arguments.a_step = x.strides[last];
  arguments.b_step = 1;
  arguments.has_bias = op.has_bias;
  arguments.adds_residual = op.adds_residual;
  arguments.activation = ArgumentsOf(op.activation);
  auto loop = MakeLoop(spec, &LaunchProduct, operands, arguments);
  loop->WritesAt(y.offset * 4);
  loop->Reads(0, Input(0));
  loop->Reads(1, Weights(spec, 0));
  if (op.adds_residual) loop->Reads(2, Input(1, residual.offset));
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
  auto loop = MakeLoop(spec, &LaunchProduct, operands, arguments);
  loop->Reads(0, Input(0));
  loop->Reads(1, Input(1));
  return loop;
}

template <typename Op>
KernelOr Make(const Op&, const PartSpec&) {
  return absl::UnimplementedError("no kernel");
}

}  // namespace

KernelOr MakeLoops(const PartSpec& spec) {
  return std::visit([&](const auto& op) { return Make(op, spec); }, spec.op);
}

}  // namespace layerd::cuda
