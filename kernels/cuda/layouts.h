#ifndef LAYERD_KERNELS_CUDA_LAYOUTS_H_
#define LAYERD_KERNELS_CUDA_LAYOUTS_H_

#include <cstddef>
#include <memory>

#include "absl/status/status.h"
#include "kernels/backend.h"

namespace layerd {

// K, R, S, C in memory for the kernels of convolutions; plain for all others.
// They are the same for every device, so a file packed here runs on any.
WeightLayout CudaLayout(const PartSpec& spec, size_t piece);
KernelKey CudaKernelKey();

// FAILED_PRECONDITION showing both, if weights are stored otherwise.
absl::Status CheckCudaLayouts(const PartSpec& spec);

// For packing and planning where there is no CUDA: knows the layouts, and what
// memory parts take at most (sketch.h); computes nothing.
std::unique_ptr<Backend> MakeCudaLayouts();

}  // namespace layerd

#endif  // LAYERD_KERNELS_CUDA_LAYOUTS_H_
