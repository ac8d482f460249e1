#ifndef LAYERD_KERNELS_CUDA_DEVICE_CUH_
#define LAYERD_KERNELS_CUDA_DEVICE_CUH_

#include "kernels/cuda/half.cuh"
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

__device__ inline Floats FloatsOf(const Operand& operand) {
  return {operand.data, operand.is_half};
}
__device__ inline FloatPlace Result(const Operands& operands,
                                    const Index& index) {
  const WritableFloats y{operands.y.data, operands.y.is_half};
  return y[PositionOf(operands, operands.y, index)];
}
__device__ inline float Value(const Operands& operands, int input,
                              const Index& index) {
  const Operand& x = operands.x[input];
  return FloatsOf(x)[PositionOf(operands, x, index)];
}

// Any one of several faults stays.
__device__ inline void SetFault(const Operands& operands, Fault fault) {
  *static_cast<Fault*>(operands.fault.data) = fault;
}

__device__ inline float Bounded(float value) {
  return value < 0 ? 0 : value > 1 ? 1 : value;
}
__device__ inline float Softplus(float value) {
  return value > 0 ? value + log1pf(expf(-value)) : log1pf(expf(value));
}

// Functions without numbers of their own, from kErf on.
__device__ inline float ActivateSimply(int kind, float value) {
  switch (kind) {
    case 17:
      return erff(value);
    case 18:
      return expf(value);
    case 19:
      return logf(value);
    case 20:
      return sqrtf(value);
    case 21:
      return 1 / value;
    case 22:
      return fabsf(value);
    case 23:
      return -value;
    case 24:  // kSign
      return value > 0 ? 1 : value < 0 ? -1 : value;
    case 25:
      return floorf(value);
    case 26:
      return ceilf(value);
    case 27:
      return rintf(value);
    case 28:
      return sinf(value);
    case 29:
      return cosf(value);
  }
  return value;
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
    case 6:  // kGelu
      return value / 2 * (1 + erff(value * 0.70710678f));
    case 7:  // kGeluTanh
      return value / 2 *
             (1 +
              tanhf(0.79788456f * (value + 0.044715f * value * value * value)));
    case 8:  // kSwish
      return value / (1 + expf(-activation.alpha * value));
    case 9:  // kHardSigmoid
      return Bounded(activation.alpha * value + activation.beta);
    case 10:  // kHardSwish
      return value * Bounded(activation.alpha * value + activation.beta);
    case 11:  // kMish
      return value * tanhf(Softplus(value));
    case 12:  // kSoftplus
      return Softplus(value);
    case 13:  // kSoftsign
      return value / (1 + fabsf(value));
    case 14:  // kElu
      return value < 0 ? activation.alpha * expm1f(value)
                       : activation.beta * value;
    case 15:  // kThreshold
      return value > activation.alpha ? value : 0;
    case 16:  // kLinear
      return activation.alpha * value + activation.beta;
    default:
      return ActivateSimply(activation.kind, value);
  }
}

}  // namespace layerd::cuda

#endif  // LAYERD_KERNELS_CUDA_DEVICE_CUH_
