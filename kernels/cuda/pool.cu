#include "kernels/cuda/device.cuh"

namespace layerd::cuda {
namespace {

// How many places of a window count in an average, in one dimension.
__device__ int64_t DivisorOf(const PoolArguments& pool, int d, int64_t begin) {
  const WindowArguments& w = pool.window;
  int64_t divisor = 0;
  for (int64_t k = 0; k < w.kernel[d]; ++k) {
    const int64_t at = begin + k * w.dilation[d];
    // What hangs over the padding itself (ceil mode) never counts.
    if (pool.count_include_pad ? at < w.size[d] + w.pad_end[d]
                               : at >= 0 && at < w.size[d]) {
      ++divisor;
    }
  }
  return divisor;
}

__device__ float PoolAt(const PoolArguments& pool, const Floats& x,
                        const int64_t* begin) {
  const WindowArguments& w = pool.window;
  float most = pool.lowest;
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
        const float value =
            x[z * w.x_stride[0] + y * w.x_stride[1] + at * w.x_stride[2]];
        most = most < value ? value : most;
        sum += value;
      }
    }
  }
  if (pool.is_max) return most;
  int64_t divisor = 1;
  for (int d = 0; d < 3; ++d) divisor *= DivisorOf(pool, d, begin[d]);
  return divisor == 0 ? 0 : sum / static_cast<float>(divisor);
}

__global__ void PoolKernel(Operands operands, PoolArguments arguments) {
  const WindowArguments& w = arguments.window;
  const int spatial = operands.rank - 2;
  for (int64_t i = FirstElement(); i < operands.count; i += ElementStep()) {
    const Index index = IndexOf(operands, i);
    int64_t begin[3] = {0, 0, 0};
    for (int d = 0; d < spatial; ++d) {
      const int to = 3 - spatial + d;
      begin[to] = index.at[2 + d] * w.stride[to] - w.pad_begin[to];
    }
    // The strides of x along its windows are zero in the operand.
    const Operand& x = operands.x[0];
    Result(operands, index) =
        PoolAt(arguments, FloatsOf(x) + PositionOf(operands, x, index), begin);
  }
}

}  // namespace

cudaError_t LaunchPool(const Operands& operands, const PoolArguments& arguments,
                       cudaStream_t stream) {
  LAYERD_LAUNCH(PoolKernel, operands, arguments, stream);
  return cudaPeekAtLastError();
}

}  // namespace layerd::cuda
