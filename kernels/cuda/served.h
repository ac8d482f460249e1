#ifndef LAYERD_KERNELS_CUDA_SERVED_H_
#define LAYERD_KERNELS_CUDA_SERVED_H_

#include "absl/status/status.h"
#include "kernels/backend.h"

namespace layerd::cuda {

// OK if there is a kernel for the part on the device; else UNIMPLEMENTED, and
// what is missing. Asked before any kernel is made.
absl::Status CheckServed(const PartSpec& spec);

}  // namespace layerd::cuda

#endif  // LAYERD_KERNELS_CUDA_SERVED_H_
