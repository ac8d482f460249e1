#include "kernels/cuda/cast.cuh"
#include "kernels/cuda/device.cuh"

namespace layerd::cuda {
namespace {

__global__ void Decode(Operands operands, DecodeArguments arguments) {
  for (int64_t i = FirstElement(); i < operands.count; i += ElementStep()) {
    const Index index = IndexOf(operands, i);
    const int64_t from = PositionOf(operands, operands.x[0], index);
    const float stored =
        ToFloat(Load(operands.x[0].data, arguments.from, from));
    Result(operands, index) =
        arguments.has_scales ? stored * Value(operands, 1, index) : stored;
  }
}

}  // namespace

cudaError_t LaunchDecode(const Operands& operands,
                         const DecodeArguments& arguments,
                         cudaStream_t stream) {
  LAYERD_LAUNCH(Decode, operands, arguments, stream);
  return cudaPeekAtLastError();
}

}  // namespace layerd::cuda
