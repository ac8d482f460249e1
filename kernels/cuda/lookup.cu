// Elements whose place is computed: by data (Gather), or from taps (Resize).
#include "kernels/cuda/cast.cuh"
#include "kernels/cuda/device.cuh"

namespace layerd::cuda {
namespace {

__global__ void GatherKernel(Operands operands, GatherArguments arguments) {
  for (int64_t i = FirstElement(); i < operands.count; i += ElementStep()) {
    const Index index = IndexOf(operands, i);
    const int64_t at = PositionOf(operands, operands.x[1], index);
    int64_t place = arguments.of_indices == kI64
                        ? At<int64_t>(operands.x[1].data, at)
                        : At<int32_t>(operands.x[1].data, at);
    if (place < -arguments.length || place >= arguments.length) {
      SetFault(operands, Fault::kIndexOutside);
      continue;
    }
    if (place < 0) place += arguments.length;
    CopyElement(
        arguments.of, operands.x[0].data,
        PositionOf(operands, operands.x[0], index) + place * arguments.step,
        operands.y.data, PositionOf(operands, operands.y, index));
  }
}

// The taps of one element of y: one choice in each dimension that is resized.
struct Taps {
  int count = 0;  // Of those dimensions.
  const int32_t* first[kDimensionsMax];
  int32_t taps[kDimensionsMax];
  int32_t chosen[kDimensionsMax] = {};
  int64_t stride[kDimensionsMax];
  bool inside = true;
};

__device__ Taps TapsOf(const Operands& operands,
                       const ResizeArguments& arguments, const Index& index) {
  const int32_t* words = static_cast<const int32_t*>(operands.x[1].data);
  Taps taps;
  for (int d = 0; d < operands.rank; ++d) {
    if (arguments.firsts[d] < 0) continue;
    const int32_t* firsts = words + arguments.firsts[d] + index.at[d];
    taps.first[taps.count] = words + arguments.taps[d] + 2 * firsts[0];
    taps.taps[taps.count] = firsts[1] - firsts[0];
    taps.inside = taps.inside && firsts[1] > firsts[0];
    taps.stride[taps.count] = operands.x[0].strides[d];
    ++taps.count;
  }
  return taps;
}

// The next choice; false after the last one.
__device__ bool Advance(Taps& taps) {
  for (int d = taps.count - 1; d >= 0; --d) {
    if (++taps.chosen[d] < taps.taps[d]) return true;
    taps.chosen[d] = 0;
  }
  return false;
}

__device__ float Resized(const Floats& x, Taps& taps) {
  float sum = 0;
  do {
    float weight = 1;
    int64_t from = 0;
    for (int d = 0; d < taps.count; ++d) {
      const int32_t* tap = taps.first[d] + 2 * taps.chosen[d];
      from += tap[0] * taps.stride[d];
      weight *= FloatFromBits(static_cast<uint32_t>(tap[1]));
    }
    sum += weight * x[from];
  } while (Advance(taps));
  return sum;
}

__global__ void ResizeKernel(Operands operands, ResizeArguments arguments) {
  for (int64_t i = FirstElement(); i < operands.count; i += ElementStep()) {
    const Index index = IndexOf(operands, i);
    Taps taps = TapsOf(operands, arguments, index);
    int64_t start = 0;
    for (int d = 0; d < operands.rank; ++d) {
      if (arguments.firsts[d] < 0) {
        start += index.at[d] * operands.x[0].strides[d];
      }
    }
    Result(operands, index) =
        taps.inside ? Resized(FloatsOf(operands.x[0]) + start, taps)
                    : arguments.extrapolation_value;
  }
}

}  // namespace

cudaError_t LaunchGather(const Operands& operands,
                         const GatherArguments& arguments,
                         cudaStream_t stream) {
  LAYERD_LAUNCH(GatherKernel, operands, arguments, stream);
  return cudaPeekAtLastError();
}

cudaError_t LaunchResize(const Operands& operands,
                         const ResizeArguments& arguments,
                         cudaStream_t stream) {
  LAYERD_LAUNCH(ResizeKernel, operands, arguments, stream);
  return cudaPeekAtLastError();
}

}  // namespace layerd::cuda
