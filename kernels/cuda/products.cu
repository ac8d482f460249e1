// Sums of products in plain loops: what cuDNN and cuBLASLt do not take.
#include "kernels/cuda/device.cuh"

namespace layerd::cuda {
namespace {

// Sums one output of one input channel.
__device__ float SumWindow(const WindowArguments& w, const int64_t* begin,
                           const float* x, const float* weights) {
  float sum = 0;
  for (int64_t a = 0; a < w.kernel[0]; ++a) {
    const int64_t z = begin[0] + a * w.dilation[0];
    if (z < 0 || z >= w.size[0]) continue;
    for (int64_t b = 0; b < w.kernel[1]; ++b) {
      const int64_t y = begin[1] + b * w.dilation[1];
      if (y < 0 || y >= w.size[1]) continue;
      for (int64_t c = 0; c < w.kernel[2]; ++c) {
        const int64_t at = begin[2] + c * w.dilation[2];
        if (at < 0 || at >= w.size[2]) continue;
        sum +=
            x[z * w.x_stride[0] + y * w.x_stride[1] + at * w.x_stride[2]] *
            weights[a * w.w_stride[0] + b * w.w_stride[1] + c * w.w_stride[2]];
      }
    }
  }
  return sum;
}

__device__ float Convolved(const Operands& operands,
                           const ConvolutionArguments& arguments,
                           const Index& index, const int64_t* begin) {
  const int64_t group =
      (arguments.channel_first + index.at[1]) / arguments.outputs_of_group;
  const float* x =
      Floats(operands.x[0]) + PositionOf(operands, operands.x[0], index) +
      group * arguments.inputs_of_group * arguments.x_channel_stride;
  const float* weights =
      Floats(operands.x[3]) + index.at[1] * arguments.w_output_stride;
  float sum = 0;
  for (int64_t i = 0; i < arguments.inputs_of_group; ++i) {
    sum +=
        SumWindow(arguments.window, begin, x + i * arguments.x_channel_stride,
                  weights + i * arguments.w_input_stride);
  }
  return sum;
}

__global__ void DirectConvolution(Operands operands,
                                  ConvolutionArguments arguments) {
  const WindowArguments& w = arguments.window;
  const int spatial = operands.rank - 2;
  for (int64_t i = FirstElement(); i < operands.count; i += ElementStep()) {
    const Index index = IndexOf(operands, i);
    int64_t begin[3] = {0, 0, 0};
    for (int d = 0; d < spatial; ++d) {
      const int to = 3 - spatial + d;
      begin[to] = index.at[2 + d] * w.stride[to] - w.pad_begin[to];
    }
    float sum = Convolved(operands, arguments, index, begin);
    if (arguments.has_bias) sum += Value(operands, 1, index);
    if (arguments.adds_residual) sum += Value(operands, 2, index);
    Result(operands, index) = Activate(arguments.activation, sum);
  }
}

__global__ void DirectProduct(Operands operands, ProductArguments arguments) {
  for (int64_t i = FirstElement(); i < operands.count; i += ElementStep()) {
    const Index index = IndexOf(operands, i);
    const float* a =
        Floats(operands.x[0]) + PositionOf(operands, operands.x[0], index);
    const float* b =
        Floats(operands.x[1]) + PositionOf(operands, operands.x[1], index);
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

cudaError_t LaunchProduct(const Operands& operands,
                          const ProductArguments& arguments,
                          cudaStream_t stream) {
  LAYERD_LAUNCH(DirectProduct, operands, arguments, stream);
  return cudaPeekAtLastError();
}

}  // namespace layerd::cuda
