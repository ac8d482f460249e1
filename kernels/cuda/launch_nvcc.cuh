#ifndef LAYERD_KERNELS_CUDA_LAUNCH_NVCC_CUH_
#define LAYERD_KERNELS_CUDA_LAUNCH_NVCC_CUH_

#include "kernels/cuda/operands.h"

namespace layerd::cuda {

constexpr int kThreadsOfBlock = 256;
// A thread takes further elements in steps of the grid; more blocks than this
// only queue up.
constexpr int64_t kBlocksMax = 4096;

inline unsigned BlocksFor(int64_t count) {
  const int64_t blocks = (count + kThreadsOfBlock - 1) / kThreadsOfBlock;
  return static_cast<unsigned>(blocks < kBlocksMax ? blocks : kBlocksMax);
}

__device__ inline int64_t FirstElement() {
  return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ inline int64_t ElementStep() {
  return static_cast<int64_t>(gridDim.x) * blockDim.x;
}

}  // namespace layerd::cuda

#define LAYERD_LAUNCH(kernel, operands, arguments, stream) \
  kernel<<<::layerd::cuda::BlocksFor((operands).count),    \
           ::layerd::cuda::kThreadsOfBlock, 0, stream>>>(operands, arguments)

#endif  // LAYERD_KERNELS_CUDA_LAUNCH_NVCC_CUH_
