#include "kernels/cuda/staged.h"

#include "kernels/cuda/status.h"

namespace layerd::cuda {

absl::Status Staged::Run(void* from, void* to, cudaStream_t stream) const {
  Operands placed = operands;
  placed.x[0].data = from;
  placed.y.data = to;
  return FromCuda(LaunchMove(placed, arguments, stream), "move");
}

absl::Status QueueActivation(const Activation& activation,
                             const std::vector<int64_t>& shape,
                             const Operand& x, const Operand& y,
                             cudaStream_t stream) {
  Operands operands = OperandsFor(shape);
  operands.x[0] = x;
  operands.y = y;
  const ElementwiseArguments arguments{
      Combination::kFirst,
      {static_cast<int>(activation.kind), activation.alpha, activation.beta}};
  return FromCuda(LaunchElementwise(operands, arguments, stream),
                  "elementwise");
}

}  // namespace layerd::cuda
