// Copies under any strides, with padding, cropping and casts.
#include "kernels/cuda/cast.cuh"
#include "kernels/cuda/device.cuh"

namespace layerd::cuda {
namespace {

// The element of x that stands at `at` of y, or -1 for none.
__device__ int64_t SourceOf(const MoveArguments& arguments, int d, int64_t at) {
  const int64_t first = arguments.first[d];
  const int64_t last = arguments.last[d];
  const int64_t source = at - arguments.begin[d];
  if (source >= first && source <= last) return source;
  if (arguments.mode == 0) return -1;
  if (arguments.mode == 1) {
    return source < first ? 2 * first - source : 2 * last - source;
  }
  return source < first ? first : last;
}

__device__ bool FindSource(const Operands& operands,
                           const MoveArguments& arguments, const Index& index,
                           Index& source) {
  for (int d = 0; d < operands.rank; ++d) {
    source.at[d] = SourceOf(arguments, d, index.at[d]);
    if (source.at[d] < 0) return false;
  }
  return true;
}

__global__ void Move(Operands operands, MoveArguments arguments) {
  for (int64_t i = FirstElement(); i < operands.count; i += ElementStep()) {
    const Index index = IndexOf(operands, i);
    const int64_t to = PositionOf(operands, operands.y, index);
    Index source;
    if (!FindSource(operands, arguments, index, source)) {
      StoreFloat(arguments.value, arguments.to, operands.y.data, to);
      continue;
    }
    const int64_t from = PositionOf(operands, operands.x[0], source);
    if (arguments.from == arguments.to) {
      CopyElement(arguments.from, operands.x[0].data, from, operands.y.data,
                  to);
    } else {
      Store(Load(operands.x[0].data, arguments.from, from), arguments.to,
            operands.y.data, to);
    }
  }
}

}  // namespace

cudaError_t LaunchMove(const Operands& operands, const MoveArguments& arguments,
                       cudaStream_t stream) {
  LAYERD_LAUNCH(Move, operands, arguments, stream);
  return cudaPeekAtLastError();
}

}  // namespace layerd::cuda
