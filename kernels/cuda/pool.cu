#include "kernels/cuda/device.cuh"
#include "kernels/cuda/windows.cuh"

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
                        const WindowBegin& begin) {
  float most = pool.lowest;
  float sum = 0;
  ForEachInWindow(pool.window, begin, [&](int64_t at, int64_t) {
    const float value = x[at];
    most = most < value ? value : most;
    sum += value;
  });
  if (pool.is_max) return most;
  int64_t divisor = 1;
  for (int d = 0; d < 3; ++d) divisor *= DivisorOf(pool, d, begin.at[d]);
  return divisor == 0 ? 0 : sum / static_cast<float>(divisor);
}

__global__ void PoolKernel(Operands operands, PoolArguments arguments) {
  for (int64_t i = FirstElement(); i < operands.count; i += ElementStep()) {
    const Index index = IndexOf(operands, i);
    // The strides of x along its windows are zero in the operand.
    const Operand& x = operands.x[0];
    Result(operands, index) =
        PoolAt(arguments, FloatsOf(x) + PositionOf(operands, x, index),
               WindowBeginOf(arguments.window, operands, index));
  }
}

}  // namespace

cudaError_t LaunchPool(const Operands& operands, const PoolArguments& arguments,
                       cudaStream_t stream) {
  LAYERD_LAUNCH(PoolKernel, operands, arguments, stream);
  return cudaPeekAtLastError();
}

}  // namespace layerd::cuda
