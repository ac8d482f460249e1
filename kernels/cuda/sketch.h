#ifndef LAYERD_KERNELS_CUDA_SKETCH_H_
#define LAYERD_KERNELS_CUDA_SKETCH_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "kernels/backend.h"

namespace layerd::cuda {

// What any device takes at most for one part: every tensor moved as its
// library wants it, and the largest workspaces. For planning where no device
// is; what it stands for cannot be enqueued.
//
// REQUIRES: `spec` passed CheckPlacedPart().
std::unique_ptr<Kernel> SketchKernel(const PartSpec& spec);

// Libraries get no more of scratch for themselves.
inline constexpr size_t kConvolutionWorkspaceBytesMax = 8 << 20;
inline constexpr size_t kProductWorkspaceBytesMax = 4 << 20;

// Memory of devices is given out in such steps.
inline constexpr size_t kScratchAlignment = 256;

// Tensor cores take f16 in NHWC in whole runs of so many channels.
inline constexpr int64_t kHalfChannels = 8;

// So many with zeros for those that are not there.
inline int64_t InWholeRuns(int64_t channels) {
  return (channels + kHalfChannels - 1) / kHalfChannels * kHalfChannels;
}

}  // namespace layerd::cuda

#endif  // LAYERD_KERNELS_CUDA_SKETCH_H_
