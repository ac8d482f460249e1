// Sums of products in plain loops: what cuDNN and cuBLASLt do not take.
#include "kernels/cuda/device.cuh"
#include "kernels/cuda/windows.cuh"

namespace layerd::cuda {
namespace {

// Sums one output of one input channel.
__device__ float SumWindow(const WindowArguments& w, const WindowBegin& begin,
                           const Floats& x, const Floats& weights) {
  float sum = 0;
  ForEachInWindow(w, begin, [&](int64_t of_x, int64_t of_weights) {
    sum += x[of_x] * weights[of_weights];
  });
  return sum;
}

// What an output channel is made of: the first input channel of its group, and
// its weights.
struct Channel {
  Floats x, weights;
};

__device__ Channel ChannelAt(const Operands& operands,
                             const ConvolutionArguments& arguments,
                             const Index& index) {
  const int64_t group =
      (arguments.channel_first + index.at[1]) / arguments.outputs_of_group;
  return {FloatsOf(operands.x[0]) + PositionOf(operands, operands.x[0], index) +
              group * arguments.inputs_of_group * arguments.x_channel_stride,
          FloatsOf(operands.x[3]) + index.at[1] * arguments.w_output_stride};
}

__device__ float Convolved(const Operands& operands,
                           const ConvolutionArguments& arguments,
                           const Index& index, const WindowBegin& begin) {
  const Channel channel = ChannelAt(operands, arguments, index);
  float sum = 0;
  for (int64_t i = 0; i < arguments.inputs_of_group; ++i) {
    sum += SumWindow(arguments.window, begin,
                     channel.x + i * arguments.x_channel_stride,
                     channel.weights + i * arguments.w_input_stride);
  }
  return sum;
}

__global__ void DirectConvolution(Operands operands,
                                  ConvolutionArguments arguments) {
  for (int64_t i = FirstElement(); i < operands.count; i += ElementStep()) {
    const Index index = IndexOf(operands, i);
    float sum = Convolved(operands, arguments, index,
                          WindowBeginOf(arguments.window, operands, index));
    if (arguments.has_bias) sum += Value(operands, 1, index);
    if (arguments.adds_residual) sum += Value(operands, 2, index);
    Result(operands, index) = Activate(arguments.activation, sum);
  }
}

// Where an element of a kernel comes from in one dimension; -1: from nowhere.
__device__ int64_t SpreadFrom(const WindowArguments& w, int d, int64_t place,
                              int64_t k) {
  const int64_t at = place - k * w.dilation[d];
  if (at < 0 || at % w.stride[d] != 0) return -1;
  return at / w.stride[d] < w.size[d] ? at / w.stride[d] : -1;
}

// Sums what one input channel adds to one output: `place` is where it stands,
// counted from where the padding begins.
__device__ float SumSpread(const WindowArguments& w, const int64_t* place,
                           const Floats& x, const Floats& weights) {
  float sum = 0;
  for (int64_t a = 0; a < w.kernel[0]; ++a) {
    const int64_t z = SpreadFrom(w, 0, place[0], a);
    if (z < 0) continue;
    for (int64_t b = 0; b < w.kernel[1]; ++b) {
      const int64_t y = SpreadFrom(w, 1, place[1], b);
      if (y < 0) continue;
      for (int64_t c = 0; c < w.kernel[2]; ++c) {
        const int64_t at = SpreadFrom(w, 2, place[2], c);
        if (at < 0) continue;
        sum +=
            x[z * w.x_stride[0] + y * w.x_stride[1] + at * w.x_stride[2]] *
            weights[a * w.w_stride[0] + b * w.w_stride[1] + c * w.w_stride[2]];
      }
    }
  }
  return sum;
}

__global__ void SpreadConvolution(Operands operands,
                                  ConvolutionArguments arguments) {
  const WindowArguments& w = arguments.window;
  const int spatial = operands.rank - 2;
  for (int64_t i = FirstElement(); i < operands.count; i += ElementStep()) {
    const Index index = IndexOf(operands, i);
    int64_t place[3] = {0, 0, 0};
    for (int d = 0; d < spatial; ++d) {
      const int to = 3 - spatial + d;
      place[to] = index.at[2 + d] + w.pad_begin[to];
    }
    const Channel channel = ChannelAt(operands, arguments, index);
    float sum = 0;
    for (int64_t c = 0; c < arguments.inputs_of_group; ++c) {
      sum += SumSpread(w, place, channel.x + c * arguments.x_channel_stride,
                       channel.weights + c * arguments.w_input_stride);
    }
    if (arguments.has_bias) sum += Value(operands, 1, index);
    Result(operands, index) = Activate(arguments.activation, sum);
  }
}

__global__ void DirectProduct(Operands operands, ProductArguments arguments) {
  for (int64_t i = FirstElement(); i < operands.count; i += ElementStep()) {
    const Index index = IndexOf(operands, i);
    const Floats a =
        FloatsOf(operands.x[0]) + PositionOf(operands, operands.x[0], index);
    const Floats b =
        FloatsOf(operands.x[1]) + PositionOf(operands, operands.x[1], index);
    float sum = 0;
    for (int64_t k = 0; k < arguments.depth; ++k) {
      sum += a[k * arguments.a_step] * b[k * arguments.b_step];
    }
    sum *= arguments.scale;
    if (arguments.has_bias) sum += Value(operands, 3, index);
    if (arguments.adds_residual) sum += Value(operands, 2, index);
    Result(operands, index) = Activate(arguments.activation, sum);
  }
}

}  // namespace

cudaError_t LaunchConvolution(const Operands& operands,
                              const ConvolutionArguments& arguments,
                              cudaStream_t stream) {
  LAYERD_LAUNCH(DirectConvolution, operands, arguments, stream);
  return cudaPeekAtLastError();
}

cudaError_t LaunchConvTranspose(const Operands& operands,
                                const ConvolutionArguments& arguments,
                                cudaStream_t stream) {
  LAYERD_LAUNCH(SpreadConvolution, operands, arguments, stream);
  return cudaPeekAtLastError();
}

cudaError_t LaunchProduct(const Operands& operands,
                          const ProductArguments& arguments,
                          cudaStream_t stream) {
  LAYERD_LAUNCH(DirectProduct, operands, arguments, stream);
  return cudaPeekAtLastError();
}

}  // namespace layerd::cuda
