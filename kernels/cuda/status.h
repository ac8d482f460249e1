#ifndef LAYERD_KERNELS_CUDA_STATUS_H_
#define LAYERD_KERNELS_CUDA_STATUS_H_

#include "absl/status/status.h"
#include "cublasLt.h"
#include "cuda_runtime_api.h"
#include "cudnn.h"

namespace layerd::cuda {

// What a library answered, as a status: RESOURCE_EXHAUSTED where memory was
// missing, UNIMPLEMENTED where it says so, else INTERNAL. `what` is the call.
absl::Status FromCuda(cudaError_t error, const char* what);
absl::Status FromCudnn(cudnnStatus_t error, const char* what);
absl::Status FromCublas(cublasStatus_t error, const char* what);

}  // namespace layerd::cuda

#endif  // LAYERD_KERNELS_CUDA_STATUS_H_
