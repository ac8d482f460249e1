#ifndef LAYERD_KERNELS_CPU_TYPED_LOOPS_H_
#define LAYERD_KERNELS_CPU_TYPED_LOOPS_H_

#include <cstddef>

#include "absl/status/status.h"
#include "kernels/cpu/loop_nest.h"
#include "kernels/operator.h"
#include "kernels/tensor.h"

namespace layerd::cpu {

// What computes on integers and truths, or chooses among elements of any kind:
// masks, token ids, shapes. Small beside all else, so right comes first.

// y = a op b over a nest whose operands are y, a, b: comparisons of any type,
// logic, and arithmetic of i64.
// Errors: INVALID_ARGUMENT for a division of integers by zero.
absl::Status RunTypedBinary(const LoopNest& nest, Binary::Kind kind,
                            DataType from, const std::byte* a,
                            const std::byte* b, std::byte* y);

// y = activation(x), of i64 or bool, over a nest whose operands are y, x.
void RunTypedUnary(const LoopNest& nest, ActivationKind kind, DataType dtype,
                   const std::byte* x, std::byte* y);

// y = condition ? a : b over a nest whose operands are y, condition, a, b.
void RunSelect(const LoopNest& nest, size_t element_bytes,
               const std::byte* condition, const std::byte* a,
               const std::byte* b, std::byte* y);

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_TYPED_LOOPS_H_
