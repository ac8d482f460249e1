// Pools, and the convolutions that cuDNN does not take, in plain loops.
#include <limits>
#include <vector>

#include "kernels/cuda/loop.h"

namespace layerd::cuda {
namespace {

using Sizes = std::vector<int64_t>;

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
  Operand operand = OperandOf(x);
  for (size_t d = 2; d < x.shape.size(); ++d) operand.strides[d] = 0;
  return operand;
}

// The kernel of a part: a weight, or what input 1 is.
struct KernelOperand {
  Sizes shape, strides;
  Source source;
  int64_t span_bytes = 0;
  DataType type = DataType::kF32;
};

template <typename Op>
KernelOperand KernelOf(const Op& op, const PartSpec& spec) {
  if (op.kernel_is_input) {
    const TensorType& type = spec.inputs[1];
    return {type.shape, type.strides, Input(1), type.span_bytes(), type.dtype};
  }
  const WeightLayout& layout = spec.weights[0].layout;
  return {layout.shape, layout.strides, Weights(spec, 0),
          static_cast<int64_t>(layout.bytes()), layout.dtype};
}

template <typename Op>
ConvolutionArguments WindowedOf(const Op& op, const PartSpec& spec,
                                const KernelOperand& kernel) {
  const TensorType& x = spec.inputs[0];
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
  arguments.channel_first = spec.channels.first;
  arguments.outputs_of_group = spec.outputs[0].shape[1] / op.groups;
  arguments.inputs_of_group = x.shape[1] / op.groups;
  arguments.x_channel_stride = x.strides[1];
  arguments.w_output_stride = kernel.strides[rank - spatial - 2];
  arguments.w_input_stride = kernel.strides[rank - spatial - 1];
  arguments.has_bias = op.has_bias;
  arguments.activation = ArgumentsOf(op.activation);
  return arguments;
}

// One output channel after the other: x, the bias and the kernel.
Operands ChannelOperands(const PartSpec& spec, const Slice& y, bool has_bias,
                         const KernelOperand& kernel) {
  Operands operands = OperandsFor(y.shape);
  operands.y = OperandOf(y, spec.outputs[0].dtype);
  operands.x[0] = WithoutWindows(spec.inputs[0]);
  operands.x[0].strides[1] = 0;  // And the channels.
  if (has_bias) operands.x[1] = ChannelVector(spec, 1);
  operands.x[3].span_bytes = kernel.span_bytes;
  operands.x[3].is_half = kernel.type == DataType::kF16;
  return operands;
}

int64_t BytesTo(const Slice& slice, const PartSpec& spec) {
  return slice.offset * static_cast<int64_t>(SizeOf(spec.outputs[0].dtype));
}

float LowestOf(DataType type) {
  return type == DataType::kF16 ? -65504.0f
                                : std::numeric_limits<float>::lowest();
}

}  // namespace

KernelOr MakeLoop(const Pool& op, const PartSpec& spec) {
  Operands operands = WholeOutput(spec);
  operands.x[0] = WithoutWindows(spec.inputs[0]);
  PoolArguments arguments;
  arguments.window = WindowOf(spec.inputs[0], op.kernel, op.strides,
                              op.dilations, op.pads_begin, op.pads_end);
  arguments.lowest = LowestOf(spec.outputs[0].dtype);
  arguments.is_max = op.kind == Pool::Kind::kMax;
  arguments.count_include_pad = op.count_include_pad;
  auto loop = NewLoop(spec, &LaunchPool, operands, arguments);
  loop->Reads(0, Input(0));
  return loop;
}

KernelOr MakeLoop(const Convolution& op, const PartSpec& spec) {
  Slice y = Slice::Of(spec.outputs[0]);
  y.Cut(1, spec.channels);
  y.Cut(2, spec.rows);
  const KernelOperand kernel = KernelOf(op, spec);
  Operands operands = ChannelOperands(spec, y, op.has_bias, kernel);
  ConvolutionArguments arguments = WindowedOf(op, spec, kernel);
  // Rows of the part, as if the padding began earlier.
  arguments.window.pad_begin[3 - op.strides.size()] -=
      spec.rows.first * op.strides[0];
  Slice residual;
  if (op.adds_residual) {
    residual = Slice::Of(spec.inputs[1]);
    residual.Cut(1, spec.channels);
    residual.Cut(2, spec.rows);
    operands.x[2] = OperandOf(residual, spec.inputs[1].dtype);
    arguments.adds_residual = true;
  }
  auto loop = NewLoop(spec, &LaunchConvolution, operands, arguments);
  loop->WritesAt(BytesTo(y, spec));
  loop->Reads(0, Input(0));
  if (op.has_bias) loop->Reads(1, Weights(spec, 1));
  if (op.adds_residual) loop->Reads(2, Input(1, BytesTo(residual, spec)));
  loop->Reads(3, kernel.source);
  return loop;
}

KernelOr MakeLoop(const ConvTranspose& op, const PartSpec& spec) {
  Slice y = Slice::Of(spec.outputs[0]);
  y.Cut(1, spec.channels);
  const KernelOperand kernel = KernelOf(op, spec);
  auto loop = NewLoop(spec, &LaunchConvTranspose,
                      ChannelOperands(spec, y, op.has_bias, kernel),
                      WindowedOf(op, spec, kernel));
  loop->WritesAt(BytesTo(y, spec));
  loop->Reads(0, Input(0));
  if (op.has_bias) loop->Reads(1, Weights(spec, 1));
  loop->Reads(3, kernel.source);
  return loop;
}

}  // namespace layerd::cuda
