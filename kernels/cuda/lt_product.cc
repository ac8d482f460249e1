#include "kernels/cuda/lt_product.h"

#include "config/status_macros.h"
#include "kernels/cuda/status.h"

namespace layerd::cuda {
namespace {

constexpr int kAlgorithmsMax = 8;
// Of pieces in an extent, decoded or not.
constexpr uintptr_t kBiasAlignment = 256;

template <typename Value>
absl::Status Set(cublasLtMatmulDesc_t product,
                 cublasLtMatmulDescAttributes_t attribute, const Value& value) {
  return FromCublas(
      cublasLtMatmulDescSetAttribute(product, attribute, &value, sizeof value),
      "cublasLtMatmulDescSetAttribute");
}

template <typename Value>
absl::Status Set(cublasLtMatmulPreference_t preference,
                 cublasLtMatmulPreferenceAttributes_t attribute,
                 const Value& value) {
  return FromCublas(cublasLtMatmulPreferenceSetAttribute(preference, attribute,
                                                         &value, sizeof value),
                    "cublasLtMatmulPreferenceSetAttribute");
}

absl::Status SetLayout(const LtMatrix& matrix, int32_t batches,
                       UniqueMatrix* layout) {
  cublasLtMatrixLayout_t raw = nullptr;
  RETURN_IF_ERROR(
      FromCublas(cublasLtMatrixLayoutCreate(&raw, matrix.type, matrix.rows,
                                            matrix.columns, matrix.stride),
                 "cublasLtMatrixLayoutCreate"));
  layout->reset(raw);
  if (batches == 1) return absl::OkStatus();
  RETURN_IF_ERROR(FromCublas(
      cublasLtMatrixLayoutSetAttribute(raw, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT,
                                       &batches, sizeof batches),
      "cublasLtMatrixLayoutSetAttribute"));
  return FromCublas(cublasLtMatrixLayoutSetAttribute(
                        raw, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
                        &matrix.batch_stride, sizeof matrix.batch_stride),
                    "cublasLtMatrixLayoutSetAttribute");
}

bool HasBias(cublasLtEpilogue_t epilogue) {
  return epilogue == CUBLASLT_EPILOGUE_BIAS ||
         epilogue == CUBLASLT_EPILOGUE_RELU_BIAS;
}

absl::Status SetPreferences(const LtProduct::Question& question,
                            cublasLtMatmulPreference_t preference) {
  RETURN_IF_ERROR(Set(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                      LtProduct::kWorkspaceBytesMax));
  // Sums split over K meet in a workspace, in one order.
  RETURN_IF_ERROR(Set(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
                      uint32_t{CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE}));
  RETURN_IF_ERROR(Set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES,
                      question.a.alignment));
  RETURN_IF_ERROR(Set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
                      question.b.alignment));
  RETURN_IF_ERROR(Set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES,
                      question.c.alignment));
  return Set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES,
             question.d.alignment);
}

}  // namespace

absl::Status LtProduct::Describe(const Question& question) {
  cublasLtMatmulDesc_t raw = nullptr;
  // Not the FAST_TF32 one.
  RETURN_IF_ERROR(
      FromCublas(cublasLtMatmulDescCreate(&raw, CUBLAS_COMPUTE_32F, CUDA_R_32F),
                 "cublasLtMatmulDescCreate"));
  product_.reset(raw);
  const auto turn = [](const LtMatrix& matrix) -> int32_t {
    return matrix.transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
  };
  RETURN_IF_ERROR(Set(raw, CUBLASLT_MATMUL_DESC_TRANSA, turn(question.a)));
  RETURN_IF_ERROR(Set(raw, CUBLASLT_MATMUL_DESC_TRANSB, turn(question.b)));
  RETURN_IF_ERROR(Set(raw, CUBLASLT_MATMUL_DESC_EPILOGUE, question.epilogue));
  if (has_bias_) {
    // An address of nothing, of which only the alignment is looked at.
    const void* const bias = reinterpret_cast<const void*>(kBiasAlignment);
    RETURN_IF_ERROR(Set(raw, CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias));
  }
  RETURN_IF_ERROR(SetLayout(question.a, question.batches, &a_));
  RETURN_IF_ERROR(SetLayout(question.b, question.batches, &b_));
  RETURN_IF_ERROR(SetLayout(question.c, question.batches, &c_));
  return SetLayout(question.d, question.batches, &d_);
}

absl::Status LtProduct::ChooseAlgorithm(cublasLtHandle_t lt,
                                        const Question& question) {
  cublasLtMatmulPreference_t raw = nullptr;
  RETURN_IF_ERROR(FromCublas(cublasLtMatmulPreferenceCreate(&raw),
                             "cublasLtMatmulPreferenceCreate"));
  const UniquePreference preference(raw);
  RETURN_IF_ERROR(SetPreferences(question, raw));
  cublasLtMatmulHeuristicResult_t found[kAlgorithmsMax] = {};
  int count = 0;
  RETURN_IF_ERROR(FromCublas(
      cublasLtMatmulAlgoGetHeuristic(lt, product_.get(), a_.get(), b_.get(),
                                     c_.get(), d_.get(), raw, kAlgorithmsMax,
                                     found, &count),
      "cublasLtMatmulAlgoGetHeuristic"));
  for (int i = 0; i < count; ++i) {
    if (found[i].state != CUBLAS_STATUS_SUCCESS ||
        found[i].workspaceSize > kWorkspaceBytesMax) {
      continue;
    }
    algorithm_ = found[i].algo;
    workspace_bytes_ = found[i].workspaceSize;
    return absl::OkStatus();
  }
  return absl::UnimplementedError("cuBLASLt has no algorithm for it");
}

absl::Status LtProduct::Plan(cublasLtHandle_t lt, const Question& question) {
  alpha_ = question.alpha;
  beta_ = question.beta;
  has_bias_ = HasBias(question.epilogue);
  RETURN_IF_ERROR(Describe(question));
  return ChooseAlgorithm(lt, question);
}

absl::Status LtProduct::Launch(cublasLtHandle_t lt, const Memory& memory,
                               cudaStream_t stream) {
  if (has_bias_) {
    RETURN_IF_ERROR(
        Set(product_.get(), CUBLASLT_MATMUL_DESC_BIAS_POINTER, memory.bias));
  }
  return FromCublas(
      cublasLtMatmul(lt, product_.get(), &alpha_, memory.a, a_.get(), memory.b,
                     b_.get(), &beta_, memory.c, c_.get(), memory.d, d_.get(),
                     &algorithm_, memory.workspace, workspace_bytes_, stream),
      "cublasLtMatmul");
}

}  // namespace layerd::cuda
