#ifndef LAYERD_KERNELS_CUDA_LT_PRODUCT_H_
#define LAYERD_KERNELS_CUDA_LT_PRODUCT_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "kernels/cuda/handles.h"
#include "kernels/cuda/sketch.h"

namespace layerd::cuda {

// One matrix as cuBLASLt sees it: columns one after the other, `stride` apart.
struct LtMatrix {
  uint64_t rows = 0, columns = 0;
  int64_t stride = 0;
  int64_t batch_stride = 0;
  bool transposed = false;  // Before the product.
  uint32_t alignment = 4;   // Bytes, of its first element.
  cudaDataType_t type = CUDA_R_32F;
};

// d = epilogue(alpha * op(a) * op(b) + beta * c + bias of each row).
//
// Planned once: the algorithm is the first of the library's list that sums in
// one order, and needs at most kWorkspaceBytesMax.
//
// Threading: one thread at a time.
class LtProduct {
 public:
  static constexpr size_t kWorkspaceBytesMax = kProductWorkspaceBytesMax;

  struct Question {
    LtMatrix a, b, c, d;
    int32_t batches = 1;
    cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
    float alpha = 1, beta = 0;
  };
  struct Memory {
    const void *a, *b, *c, *bias;
    void *d, *workspace;
  };

  // UNIMPLEMENTED if the library has no algorithm for it.
  absl::Status Plan(cublasLtHandle_t lt, const Question& question);
  size_t workspace_bytes() const { return workspace_bytes_; }
  absl::Status Launch(cublasLtHandle_t lt, const Memory& memory,
                      cudaStream_t stream);

 private:
  absl::Status Describe(const Question& question);
  absl::Status ChooseAlgorithm(cublasLtHandle_t lt, const Question& question);

  float alpha_ = 1, beta_ = 0;
  bool has_bias_ = false;
  UniqueProduct product_;
  UniqueMatrix a_, b_, c_, d_;
  cublasLtMatmulAlgo_t algorithm_{};
  size_t workspace_bytes_ = 0;
};

}  // namespace layerd::cuda

#endif  // LAYERD_KERNELS_CUDA_LT_PRODUCT_H_
