#ifndef LAYERD_KERNELS_CPU_PIXEL_NORM_H_
#define LAYERD_KERNELS_CPU_PIXEL_NORM_H_

#include <memory>

#include "kernels/cpu/cpu_kernel.h"

namespace layerd::cpu {

// Channels, or groups of them, normalised over the pixels of a picture that
// lies channels-last: an InstanceNormalization or a GroupNormalization. Sums
// run from pixel to pixel, where rows would have to be turned before and
// after. Null for a layer of another kind.
std::unique_ptr<CpuKernel> MakePixelNorm(const LayerNorm& op,
                                         const PartSpec& spec);

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_PIXEL_NORM_H_
