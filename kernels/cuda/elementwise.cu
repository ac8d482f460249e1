#include "kernels/cuda/device.cuh"

namespace layerd::cuda {
namespace {

__device__ float Combine(const Operands& operands, const Index& index,
                         Combination combination) {
  const float a = Value(operands, 0, index);
  switch (combination) {
    case Combination::kFirst:
      return a;
    case Combination::kAdd:
      return a + Value(operands, 1, index);
    case Combination::kSub:
      return a - Value(operands, 1, index);
    case Combination::kMul:
      return a * Value(operands, 1, index);
    case Combination::kDiv:
      return a / Value(operands, 1, index);
    case Combination::kPow:
      return powf(a, Value(operands, 1, index));
    case Combination::kMax: {  // NaN if either is.
      const float b = Value(operands, 1, index);
      return a != a || a > b ? a : b;
    }
    case Combination::kMin: {
      const float b = Value(operands, 1, index);
      return a != a || a < b ? a : b;
    }
    case Combination::kPRelu:
      return a < 0 ? a * Value(operands, 1, index) : a;
    case Combination::kMod:
      return fmodf(a, Value(operands, 1, index));
    case Combination::kScaleShift:
      return a * Value(operands, 1, index) + Value(operands, 2, index);
  }
  return a;
}

__global__ void Elementwise(Operands operands, ElementwiseArguments arguments) {
  for (int64_t i = FirstElement(); i < operands.count; i += ElementStep()) {
    const Index index = IndexOf(operands, i);
    const float value = Combine(operands, index, arguments.combination);
    Result(operands, index) = Activate(arguments.activation, value);
  }
}

}  // namespace

cudaError_t FindDeviceCode() {
  cudaFuncAttributes attributes;
  return cudaFuncGetAttributes(&attributes,
                               reinterpret_cast<const void*>(Elementwise));
}

cudaError_t LaunchElementwise(const Operands& operands,
                              const ElementwiseArguments& arguments,
                              cudaStream_t stream) {
  LAYERD_LAUNCH(Elementwise, operands, arguments, stream);
  return cudaPeekAtLastError();
}

}  // namespace layerd::cuda
