#ifndef LAYERD_KERNELS_CPU_ELEMENT_LOOPS_H_
#define LAYERD_KERNELS_CPU_ELEMENT_LOOPS_H_

#include "kernels/cpu/loop_nest.h"
#include "kernels/operator.h"

namespace layerd::cpu {

// y = activation(a op b) over a nest whose operands are y, a, b. y may be the
// memory of a or of b where their strides are the same.
void RunBinary(const LoopNest& nest, Binary::Kind kind,
               const Activation& activation, const float* a, const float* b,
               float* y);

// y = activation(a + b): as RunBinary(), and fast where rows are short.
void RunSum(const LoopNest& nest, const Activation& activation, const float* a,
            const float* b, float* y);

// y = activation(x) over a nest whose operands are y, x. May be in place.
void RunUnary(const LoopNest& nest, const Activation& activation,
              const float* x, float* y);

// y = activation(x * scale + shift) over a nest whose operands are y, x, and
// scale and shift together.
void RunScaleShift(const LoopNest& nest, const Activation& activation,
                   const float* x, const float* scale, const float* shift,
                   float* y);

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_ELEMENT_LOOPS_H_
