#ifndef LAYERD_KERNELS_CUDA_LAYOUTS_H_
#define LAYERD_KERNELS_CUDA_LAYOUTS_H_

#include <cstddef>
#include <memory>

#include "kernels/backend.h"

namespace layerd {

// K, R, S, C in memory for the kernels of convolutions; plain for all others.
// They are the same for every device, so a file packed here runs on any.
WeightLayout CudaLayout(const PartSpec& spec, size_t piece);
KernelKey CudaKernelKey();

// For packing where there is no CUDA: knows the layouts, prepares nothing.
std::unique_ptr<Backend> MakeCudaLayouts();

}  // namespace layerd

#endif  // LAYERD_KERNELS_CUDA_LAYOUTS_H_
