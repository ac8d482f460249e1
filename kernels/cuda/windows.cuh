#ifndef LAYERD_KERNELS_CUDA_WINDOWS_CUH_
#define LAYERD_KERNELS_CUDA_WINDOWS_CUH_

#include "kernels/cuda/device.cuh"

namespace layerd::cuda {

// Where the window of an element begins, in x.
struct WindowBegin {
  int64_t at[3];
};

__device__ inline WindowBegin WindowBeginOf(const WindowArguments& w,
                                            const Operands& operands,
                                            const Index& index) {
  WindowBegin begin = {{0, 0, 0}};
  const int spatial = operands.rank - 2;
  for (int d = 0; d < spatial; ++d) {
    const int to = 3 - spatial + d;
    begin.at[to] = index.at[2 + d] * w.stride[to] - w.pad_begin[to];
  }
  return begin;
}

// Calls visit(position in x, position in the kernel) for each place of a window
// that is not padding.
template <typename Visit>
__device__ inline void ForEachInWindow(const WindowArguments& w,
                                       const WindowBegin& begin, Visit visit) {
  for (int64_t a = 0; a < w.kernel[0]; ++a) {
    const int64_t z = begin.at[0] + a * w.dilation[0];
    if (z < 0 || z >= w.size[0]) continue;
    for (int64_t b = 0; b < w.kernel[1]; ++b) {
      const int64_t y = begin.at[1] + b * w.dilation[1];
      if (y < 0 || y >= w.size[1]) continue;
      for (int64_t c = 0; c < w.kernel[2]; ++c) {
        const int64_t at = begin.at[2] + c * w.dilation[2];
        if (at < 0 || at >= w.size[2]) continue;
        visit(z * w.x_stride[0] + y * w.x_stride[1] + at * w.x_stride[2],
              a * w.w_stride[0] + b * w.w_stride[1] + c * w.w_stride[2]);
      }
    }
  }
}

}  // namespace layerd::cuda

#endif  // LAYERD_KERNELS_CUDA_WINDOWS_CUH_
