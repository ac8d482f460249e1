#ifndef LAYERD_KERNELS_CUDA_SUMMED_CUH_
#define LAYERD_KERNELS_CUDA_SUMMED_CUH_

#include "kernels/cuda/device.cuh"

namespace layerd::cuda {

// Calls visit(position in x, position in y) for each summed element.
template <typename Visit>
__device__ inline void ForEachSummed(const SoftmaxArguments& summed,
                                     Visit visit) {
  int64_t x = 0, y = 0;
  int64_t at[kDimensionsMax] = {};
  for (int64_t i = 0; i < summed.count; ++i) {
    visit(x, y);
    for (int d = summed.rank - 1; d >= 0; --d) {
      x += summed.x_strides[d];
      y += summed.y_strides[d];
      if (++at[d] < summed.shape[d]) break;
      x -= summed.x_strides[d] * at[d];
      y -= summed.y_strides[d] * at[d];
      at[d] = 0;
    }
  }
}

}  // namespace layerd::cuda

#endif  // LAYERD_KERNELS_CUDA_SUMMED_CUH_
