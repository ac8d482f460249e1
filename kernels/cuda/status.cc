#include "kernels/cuda/status.h"

#include "absl/strings/str_format.h"

namespace layerd::cuda {

absl::Status FromCuda(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return absl::OkStatus();
  const auto message = absl::StrFormat("%s: %s (CUDA error %d)", what,
                                       cudaGetErrorString(error), error);
  if (error == cudaErrorMemoryAllocation) {
    return absl::ResourceExhaustedError(message);
  }
  return absl::InternalError(message);
}

absl::Status FromCudnn(cudnnStatus_t error, const char* what) {
  if (error == CUDNN_STATUS_SUCCESS) return absl::OkStatus();
  const auto message = absl::StrFormat("%s: %s (cuDNN status %d)", what,
                                       cudnnGetErrorString(error), error);
  // 9.x has subcodes: 3000 to 3999 are kinds of NOT_SUPPORTED.
  if (error / 1000 == CUDNN_STATUS_NOT_SUPPORTED / 1000) {
    return absl::UnimplementedError(message);
  }
  if (error == CUDNN_STATUS_ALLOC_FAILED) {
    return absl::ResourceExhaustedError(message);
  }
  return absl::InternalError(message);
}

absl::Status FromCublas(cublasStatus_t error, const char* what) {
  if (error == CUBLAS_STATUS_SUCCESS) return absl::OkStatus();
  const auto message =
      absl::StrFormat("%s: cuBLASLt status %d", what, static_cast<int>(error));
  if (error == CUBLAS_STATUS_NOT_SUPPORTED) {
    return absl::UnimplementedError(message);
  }
  if (error == CUBLAS_STATUS_ALLOC_FAILED) {
    return absl::ResourceExhaustedError(message);
  }
  return absl::InternalError(message);
}

}  // namespace layerd::cuda
