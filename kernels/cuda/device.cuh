#ifndef LAYERD_KERNELS_CUDA_DEVICE_CUH_
#define LAYERD_KERNELS_CUDA_DEVICE_CUH_

#include "kernels/cuda/operands.h"

// How a kernel is launched: LAYERD_LAUNCH(kernel, operands, arguments, stream).
// Compiled as host C++ the twin's way is included before this file.
#if defined(__CUDACC__)
#include "kernels/cuda/launch_nvcc.cuh"
#endif

namespace layerd::cuda {

struct Index {
  int64_t at[kDimensionsMax];
};

// Divisions of 32 bits are several times faster than of 64.
__device__ inline Index IndexOf(const Operands& operands, int64_t element) {
  Index index;
  element += operands.first;
  if (operands.first + operands.count < (int64_t{1} << 31)) {
    uint32_t rest = static_cast<uint32_t>(element);
    for (int d = operands.rank - 1; d >= 0; --d) {
      const uint32_t size = static_cast<uint32_t>(operands.shape[d]);
      index.at[d] = rest % size;
      rest /= size;
    }
    return index;
  }
  for (int d = operands.rank - 1; d >= 0; --d) {
    index.at[d] = element % operands.shape[d];
    element /= operands.shape[d];
  }
  return index;
}

__device__ inline int64_t PositionOf(const Operands& operands,
                                     const Operand& operand,
                                     const Index& index) {
  int64_t position = 0;
  for (int d = 0; d < operands.rank; ++d) {
    position += index.at[d] * operand.strides[d];
  }
  return position;
}

__device__ inline const float* Floats(const Operand& operand) {
  return static_cast<const float*>(operand.data);
}
__device__ inline float& Result(const Operands& operands, const Index& index) {
  return static_cast<float*>(
      operands.y.data)[PositionOf(operands, operands.y, index)];
}
__device__ inline float Value(const Operands& operands, int input,
                              const Index& index) {
  const Operand& x = operands.x[input];
  return Floats(x)[PositionOf(operands, x, index)];
}

__device__ inline float Activate(const ActivationArguments& activation,
                                 float value) {
  switch (activation.kind) {
    case 1:  // kRelu. A NaN stays one, as on the CPU.
      return value < 0 ? 0 : value;
    case 2: {  // kClip
      const float raised = value < activation.alpha ? activation.alpha : value;
      return raised > activation.beta ? activation.beta : raised;
    }
    case 3:  // kLeakyRelu
      return value < 0 ? activation.alpha * value : value;
    case 4:  // kSigmoid
      return 1 / (1 + expf(-value));
    case 5:  // kTanh
      return tanhf(value);
  }
  return value;
}

}  // namespace layerd::cuda

#endif  // LAYERD_KERNELS_CUDA_DEVICE_CUH_
