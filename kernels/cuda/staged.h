#ifndef LAYERD_KERNELS_CUDA_STAGED_H_
#define LAYERD_KERNELS_CUDA_STAGED_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "kernels/cuda/operands.h"
#include "kernels/cuda/slice.h"
#include "kernels/operator.h"

namespace layerd::cuda {

// A tensor that goes to scratch, or comes from there, as a library wants it.
struct Staged {
  size_t scratch_offset = 0;
  Operands operands;
  MoveArguments arguments;

  absl::Status Run(void* from, void* to, cudaStream_t stream) const;
};

// A launch of its own after a library's call, for an activation that the call
// does not fuse: y = activation(x), both of `shape`, maybe the same memory.
absl::Status QueueActivation(const Activation& activation,
                             const std::vector<int64_t>& shape,
                             const Operand& x, const Operand& y,
                             cudaStream_t stream);

}  // namespace layerd::cuda

#endif  // LAYERD_KERNELS_CUDA_STAGED_H_
