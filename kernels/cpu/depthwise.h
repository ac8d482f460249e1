#ifndef LAYERD_KERNELS_CPU_DEPTHWISE_H_
#define LAYERD_KERNELS_CPU_DEPTHWISE_H_

#include "kernels/cpu/cpu_kernel.h"
#include "kernels/cpu/tiled_layer.h"

namespace layerd::cpu {

// A convolution in as many groups as it has channels: each channel has one
// window of its own, and vectors run along channels. `layer.inputs` is that of
// a group, 1; x starts at the part's first channel.
std::unique_ptr<CpuKernel> MakeDepthwise(const TiledLayer& layer,
                                         const PartSpec& spec);

// Window by window, all channels of the part side by side. `shape` is
// [G, 1, 1, window...].
WeightLayout DepthwiseLayout(const std::vector<int64_t>& shape);

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_DEPTHWISE_H_
