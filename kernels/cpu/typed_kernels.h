#ifndef LAYERD_KERNELS_CPU_TYPED_KERNELS_H_
#define LAYERD_KERNELS_CPU_TYPED_KERNELS_H_

#include <memory>

#include "kernels/cpu/cpu_kernel.h"

namespace layerd::cpu {

// Elementwise parts whose input or output is not f32.
std::unique_ptr<CpuKernel> MakeTyped(const Unary& op, const PartSpec& spec);
std::unique_ptr<CpuKernel> MakeTyped(const Binary& op, const PartSpec& spec);

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_TYPED_KERNELS_H_
