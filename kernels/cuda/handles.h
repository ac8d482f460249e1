#ifndef LAYERD_KERNELS_CUDA_HANDLES_H_
#define LAYERD_KERNELS_CUDA_HANDLES_H_

#include <cstddef>
#include <memory>
#include <type_traits>

#include "cublasLt.h"
#include "cuda_runtime_api.h"
#include "cudnn.h"

namespace layerd::cuda {

// Owners of what the libraries hand out: each is destroyed exactly once. What
// a destructor could answer is dropped; the device is lost then anyhow.
template <auto destroy>
struct Destroy {
  template <typename T>
  void operator()(T* handle) const {
    destroy(handle);
  }
};
template <typename Handle, auto destroy>
using Unique = std::unique_ptr<std::remove_pointer_t<Handle>, Destroy<destroy>>;

struct FreeOnDevice {
  void operator()(std::byte* bytes) const { cudaFree(bytes); }
};
using UniqueBytes = std::unique_ptr<std::byte, FreeOnDevice>;

struct FreePageLocked {
  void operator()(std::byte* bytes) const { cudaFreeHost(bytes); }
};
using UniquePageLocked = std::unique_ptr<std::byte, FreePageLocked>;

using UniqueStream = Unique<cudaStream_t, cudaStreamDestroy>;
using UniqueEvent = Unique<cudaEvent_t, cudaEventDestroy>;
using UniqueCudnn = Unique<cudnnHandle_t, cudnnDestroy>;
using UniqueTensor =
    Unique<cudnnTensorDescriptor_t, cudnnDestroyTensorDescriptor>;
using UniqueFilter =
    Unique<cudnnFilterDescriptor_t, cudnnDestroyFilterDescriptor>;
using UniqueConvolution =
    Unique<cudnnConvolutionDescriptor_t, cudnnDestroyConvolutionDescriptor>;
using UniqueActivation =
    Unique<cudnnActivationDescriptor_t, cudnnDestroyActivationDescriptor>;

struct DestroyLt {
  void operator()(std::remove_pointer_t<cublasLtHandle_t>* handle) const {
    cublasLtDestroy(handle);
  }
};
using UniqueLt =
    std::unique_ptr<std::remove_pointer_t<cublasLtHandle_t>, DestroyLt>;
using UniqueProduct = Unique<cublasLtMatmulDesc_t, cublasLtMatmulDescDestroy>;
using UniqueMatrix =
    Unique<cublasLtMatrixLayout_t, cublasLtMatrixLayoutDestroy>;
using UniquePreference =
    Unique<cublasLtMatmulPreference_t, cublasLtMatmulPreferenceDestroy>;

}  // namespace layerd::cuda

#endif  // LAYERD_KERNELS_CUDA_HANDLES_H_
