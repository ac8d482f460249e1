#ifndef LAYERD_KERNELS_CPU_TILED_PRODUCT_H_
#define LAYERD_KERNELS_CPU_TILED_PRODUCT_H_

#include "kernels/cpu/cpu_kernel.h"

namespace layerd::cpu {

// Products of two tensors on tiles: columns of b are packed into panels near
// the processor, as weights of a layer lie in their file, and rows of a pass
// over them. A library's products pack both.

// Whether that pays off. It does not depend on the rows of a: parts over them
// have the bits of the whole.
bool FitsTiledProduct(const PartSpec& spec);

// REQUIRES: FitsTiledProduct(spec).
std::unique_ptr<CpuKernel> MakeTiledProduct(const MatMul& op,
                                            const PartSpec& spec);

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_TILED_PRODUCT_H_
