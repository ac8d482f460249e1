// Reductions: one thread a sum, a product, an extreme or its place.
#include "kernels/cuda/cast.cuh"
#include "kernels/cuda/device.cuh"
#include "kernels/cuda/summed.cuh"

namespace layerd::cuda {
namespace {

// The numbers of Reduce::Kind.
enum ReduceKind : int {
  kMean,
  kSum,
  kMax,
  kMin,
  kProduct,
  kArgMax,
  kArgMin,
};

// Sums in pieces, so that small numbers are not lost beside a long sum.
__device__ float SumOf(const SoftmaxArguments& over, const Floats& x) {
  float sum = 0, piece = 0;
  int rest = 64;
  ForEachSummed(over, [&](int64_t from, int64_t) {
    piece += x[from];
    if (--rest > 0) return;
    sum += piece;
    piece = 0;
    rest = 64;
  });
  return sum + piece;
}

__device__ int64_t SumOf(const SoftmaxArguments& over, const int64_t* x) {
  uint64_t sum = 0;  // Wraps.
  ForEachSummed(over, [&](int64_t from, int64_t) {
    sum += static_cast<uint64_t>(x[from]);
  });
  return static_cast<int64_t>(sum);
}

__device__ float ProductOf(const SoftmaxArguments& over, const Floats& x) {
  float product = 1;
  ForEachSummed(over, [&](int64_t from, int64_t) { product *= x[from]; });
  return product;
}

__device__ int64_t ProductOf(const SoftmaxArguments& over, const int64_t* x) {
  uint64_t product = 1;
  ForEachSummed(over, [&](int64_t from, int64_t) {
    product *= static_cast<uint64_t>(x[from]);
  });
  return static_cast<int64_t>(product);
}

// NaN if there is one.
template <typename T, typename Numbers>
__device__ T ExtremeOf(const ReduceArguments& arguments, const Numbers& x) {
  T extreme = x[0];
  ForEachSummed(arguments.over, [&](int64_t from, int64_t) {
    const T value = x[from];
    const bool beats =
        arguments.kind == kMax ? value > extreme : value < extreme;
    if (beats || value != value) extreme = value;
  });
  return extreme;
}

template <typename T, typename Numbers>
__device__ int64_t PlaceOf(const ReduceArguments& arguments, const Numbers& x) {
  T extreme = x[0];
  int64_t place = 0, at = 0;
  ForEachSummed(arguments.over, [&](int64_t from, int64_t) {
    const T value = x[from];
    const bool beats =
        arguments.kind == kArgMax ? value > extreme : value < extreme;
    if (beats || (arguments.selects_last && value == extreme)) {
      extreme = value;
      place = at;
    }
    ++at;
  });
  return place;
}

template <typename T, typename Numbers>
__device__ T Reduced(const ReduceArguments& arguments, const Numbers& x) {
  switch (arguments.kind) {
    case kMean:
      return SumOf(arguments.over, x) / static_cast<T>(arguments.over.count);
    case kSum:
      return SumOf(arguments.over, x);
    case kProduct:
      return ProductOf(arguments.over, x);
  }
  return ExtremeOf<T>(arguments, x);
}

__device__ void ReduceFloats(const Operands& operands,
                             const ReduceArguments& arguments,
                             const Index& index) {
  const Floats x =
      FloatsOf(operands.x[0]) + PositionOf(operands, operands.x[0], index);
  if (arguments.kind >= kArgMax) {
    At<int64_t>(operands.y.data, PositionOf(operands, operands.y, index)) =
        PlaceOf<float>(arguments, x);
  } else {
    Result(operands, index) = Reduced<float>(arguments, x);
  }
}

__device__ void ReduceIntegers(const Operands& operands,
                               const ReduceArguments& arguments,
                               const Index& index) {
  const int64_t* x = &At<int64_t>(operands.x[0].data,
                                  PositionOf(operands, operands.x[0], index));
  At<int64_t>(operands.y.data, PositionOf(operands, operands.y, index)) =
      arguments.kind >= kArgMax ? PlaceOf<int64_t>(arguments, x)
                                : Reduced<int64_t>(arguments, x);
}

__global__ void ReduceKernel(Operands operands, ReduceArguments arguments) {
  for (int64_t i = FirstElement(); i < operands.count; i += ElementStep()) {
    const Index index = IndexOf(operands, i);
    if (arguments.of == kI64) {
      ReduceIntegers(operands, arguments, index);
    } else {
      ReduceFloats(operands, arguments, index);
    }
  }
}

}  // namespace

cudaError_t LaunchReduce(const Operands& operands,
                         const ReduceArguments& arguments,
                         cudaStream_t stream) {
  LAYERD_LAUNCH(ReduceKernel, operands, arguments, stream);
  return cudaPeekAtLastError();
}

}  // namespace layerd::cuda
