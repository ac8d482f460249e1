// Integers and truths: elementwise, compared, and chosen by.
#include "kernels/cuda/cast.cuh"
#include "kernels/cuda/device.cuh"

namespace layerd::cuda {
namespace {

__device__ int64_t ActivateInteger(int kind, int64_t value) {
  const int64_t negative = static_cast<int64_t>(-static_cast<uint64_t>(value));
  switch (kind) {
    case 1:  // kRelu
      return value < 0 ? 0 : value;
    case 22:  // kAbs
      return value < 0 ? negative : value;
    case 23:  // kNegative
      return negative;
    case 24:  // kSign
      return value < 0 ? -1 : value > 0 ? 1 : 0;
  }
  return value;
}

__device__ uint64_t Power(uint64_t base, int64_t exponent) {
  uint64_t power = 1;
  for (; exponent > 0; exponent /= 2, base *= base) {
    if (exponent % 2 == 1) power *= base;
  }
  return power;
}

__device__ int64_t SignedPower(int64_t base, int64_t exponent) {
  if (exponent >= 0) {
    return static_cast<int64_t>(Power(static_cast<uint64_t>(base), exponent));
  }
  if (base == -1) return exponent % 2 == 0 ? 1 : -1;
  return base == 1 ? 1 : 0;
}

// The sign of b, as in Python.
__device__ int64_t Modulo(int64_t a, int64_t b) {
  if (b == -1) return 0;
  const int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

// What wraps is unsigned. REQUIRES: no division by zero.
__device__ int64_t Combine(int kind, int64_t a, int64_t b) {
  const uint64_t x = static_cast<uint64_t>(a);
  const uint64_t y = static_cast<uint64_t>(b);
  switch (kind) {
    case 0:  // kAdd
      return static_cast<int64_t>(x + y);
    case 1:  // kSub
      return static_cast<int64_t>(x - y);
    case 2:  // kMul
      return static_cast<int64_t>(x * y);
    case 3:  // kDiv
      return b == -1 ? static_cast<int64_t>(-x) : a / b;
    case 4:  // kPow
      return SignedPower(a, b);
    case 5:  // kMax
      return a > b ? a : b;
    case 6:  // kMin
      return a < b ? a : b;
  }
  return Modulo(a, b);
}

template <typename T>
__device__ bool Compare(int kind, T a, T b) {
  switch (kind) {
    case 9:  // kEqual
      return a == b;
    case 10:  // kLess
      return a < b;
    case 11:  // kLessOrEqual
      return a <= b;
    case 12:  // kAnd
      return a != T(0) && b != T(0);
    case 13:  // kOr
      return a != T(0) || b != T(0);
  }
  return (a != T(0)) != (b != T(0));
}

template <typename T>
__device__ T ValueOf(const Operands& operands, int input, const Index& index) {
  const Operand& x = operands.x[input];
  return At<T>(x.data, PositionOf(operands, x, index));
}

template <typename T>
__device__ void StoreComparison(const Operands& operands, int kind,
                                const Index& index, int64_t to) {
  At<uint8_t>(operands.y.data, to) = Compare(
      kind, ValueOf<T>(operands, 0, index), ValueOf<T>(operands, 1, index));
}

__device__ void StoreUnary(const Operands& operands,
                           const TypedArguments& arguments, const Index& index,
                           int64_t to) {
  if (arguments.of == kBool) {
    const bool value = ValueOf<uint8_t>(operands, 0, index) != 0;
    At<uint8_t>(operands.y.data, to) = arguments.kind == 30 ? !value : value;
    return;
  }
  At<int64_t>(operands.y.data, to) =
      ActivateInteger(arguments.kind, ValueOf<int64_t>(operands, 0, index));
}

__device__ void StoreBinary(const Operands& operands,
                            const TypedArguments& arguments, const Index& index,
                            int64_t to) {
  int64_t b = ValueOf<int64_t>(operands, 1, index);
  if (arguments.divides && b == 0) {
    SetFault(operands, Fault::kDivisionByZero);
    b = 1;
  }
  At<int64_t>(operands.y.data, to) =
      Combine(arguments.kind, ValueOf<int64_t>(operands, 0, index), b);
}

__global__ void Typed(Operands operands, TypedArguments arguments) {
  for (int64_t i = FirstElement(); i < operands.count; i += ElementStep()) {
    const Index index = IndexOf(operands, i);
    const int64_t to = PositionOf(operands, operands.y, index);
    if (arguments.unary) {
      StoreUnary(operands, arguments, index, to);
    } else if (arguments.kind < 9) {
      StoreBinary(operands, arguments, index, to);
    } else if (arguments.of == kBool) {
      StoreComparison<uint8_t>(operands, arguments.kind, index, to);
    } else if (arguments.of == kI64) {
      StoreComparison<int64_t>(operands, arguments.kind, index, to);
    } else {
      At<uint8_t>(operands.y.data, to) = Compare(
          arguments.kind, Value(operands, 0, index), Value(operands, 1, index));
    }
  }
}

__global__ void SelectKernel(Operands operands, SelectArguments arguments) {
  for (int64_t i = FirstElement(); i < operands.count; i += ElementStep()) {
    const Index index = IndexOf(operands, i);
    const int chosen = ValueOf<uint8_t>(operands, 0, index) != 0 ? 1 : 2;
    CopyElement(arguments.of, operands.x[chosen].data,
                PositionOf(operands, operands.x[chosen], index),
                operands.y.data, PositionOf(operands, operands.y, index));
  }
}

}  // namespace

cudaError_t LaunchTyped(const Operands& operands,
                        const TypedArguments& arguments, cudaStream_t stream) {
  LAYERD_LAUNCH(Typed, operands, arguments, stream);
  return cudaPeekAtLastError();
}

cudaError_t LaunchSelect(const Operands& operands,
                         const SelectArguments& arguments,
                         cudaStream_t stream) {
  LAYERD_LAUNCH(SelectKernel, operands, arguments, stream);
  return cudaPeekAtLastError();
}

}  // namespace layerd::cuda
