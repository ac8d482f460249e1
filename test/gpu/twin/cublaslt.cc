// The part of cuBLASLt that the backend calls: one product with a bias and a
// ReLU behind it, and the list of algorithms for it.
#include "cublasLt.h"

#include <algorithm>
#include <cstring>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "cublas_api.h"
#include "test/gpu/twin/half_host.h"
#include "test/gpu/twin/machine.h"

namespace layerd::twin {
namespace {

struct Product {
  int32_t turns[2] = {CUBLAS_OP_N, CUBLAS_OP_N};
  cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  const void* bias = nullptr;
};

struct Layout {
  cudaDataType type = CUDA_R_32F;
  uint64_t rows = 0, columns = 0;
  int64_t stride = 0, batch_stride = 0;
  int32_t batches = 1;

  bool half() const { return type == CUDA_R_16F; }
  size_t span_bytes() const {
    const int64_t last = (batches - 1) * batch_stride +
                         (static_cast<int64_t>(columns) - 1) * stride +
                         static_cast<int64_t>(rows);
    return static_cast<size_t>(last) * (half() ? 2 : 4);
  }
};

struct Preference {
  uint64_t workspace_bytes = 0;
  uint32_t alignments[4] = {256, 256, 256, 256};
  uint32_t reductions = CUBLASLT_REDUCTION_SCHEME_MASK;
};

// What an algorithm of ours carries in its opaque words.
struct Chosen {
  uint64_t fingerprint, order, workspace_bytes;
  uint32_t alignments[4], bias_alignment;
};
static_assert(sizeof(Chosen) <= sizeof(cublasLtMatmulAlgo_t));

// At most what any memory of the device has.
uint32_t AlignmentOf(const void* pointer) {
  const auto address = reinterpret_cast<uintptr_t>(pointer) | 256;
  return static_cast<uint32_t>(address & -address);
}

struct Question {
  Product product;
  Layout a, b, c, d;

  bool HasBias() const {
    return product.epilogue == CUBLASLT_EPILOGUE_BIAS ||
           product.epilogue == CUBLASLT_EPILOGUE_RELU_BIAS;
  }
  bool HasRelu() const {
    return product.epilogue == CUBLASLT_EPILOGUE_RELU ||
           product.epilogue == CUBLASLT_EPILOGUE_RELU_BIAS;
  }
  int64_t Depth() const {
    return product.turns[0] == CUBLAS_OP_T ? a.rows : a.columns;
  }

  uint64_t Fingerprint() const {
    uint64_t hash =
        product.epilogue * 7 + product.turns[0] * 3 + product.turns[1];
    for (const Layout* layout : {&a, &b, &c, &d}) {
      for (const uint64_t number :
           {uint64_t{layout->type}, layout->rows, layout->columns,
            static_cast<uint64_t>(layout->stride),
            static_cast<uint64_t>(layout->batch_stride),
            static_cast<uint64_t>(layout->batches)}) {
        hash = hash * 1000003 + number;
      }
    }
    return hash;
  }

  const char* Flaw() const {
    const bool turn_a = product.turns[0] == CUBLAS_OP_T;
    const bool turn_b = product.turns[1] == CUBLAS_OP_T;
    const uint64_t rows = turn_a ? a.columns : a.rows;
    const uint64_t depth = turn_a ? a.rows : a.columns;
    const uint64_t depth_b = turn_b ? b.columns : b.rows;
    const uint64_t columns = turn_b ? b.rows : b.columns;
    if (depth != depth_b || d.rows != rows || d.columns != columns ||
        c.rows != rows || c.columns != columns) {
      return "shapes that do not fit";
    }
    for (const Layout* layout : {&a, &b, &c, &d}) {
      if (layout->stride < static_cast<int64_t>(layout->rows)) {
        return "a stride below the rows";
      }
      if (layout->batches != d.batches) return "batches that differ";
    }
    if (a.type != b.type || c.type != d.type) return "types that differ";
    return nullptr;
  }
};

const Product& Of(cublasLtMatmulDesc_t product) {
  return *reinterpret_cast<const Product*>(product);
}
const Layout& Of(cublasLtMatrixLayout_t layout) {
  return *reinterpret_cast<const Layout*>(layout);
}

// Numbers that lie `step` apart, in one piece: in place if they can be.
const float* Gathered(const void* data, int64_t first, int64_t step, bool half,
                      std::vector<float>* into) {
  if (step == 1 && !half) return static_cast<const float*>(data) + first;
  for (size_t k = 0; k < into->size(); ++k) {
    (*into)[k] = FloatAt(data, first + static_cast<int64_t>(k) * step, half);
  }
  return into->data();
}

void Multiply(const Question& q, const void* a, const void* b, const void* c,
              const void* bias, float alpha, float beta, bool backwards,
              void* d) {
  const int64_t depth = q.Depth();
  const bool turn_a = q.product.turns[0] == CUBLAS_OP_T;
  const bool turn_b = q.product.turns[1] == CUBLAS_OP_T;
  std::vector<float> left(depth), right(depth);
  for (int64_t batch = 0; batch < q.d.batches; ++batch) {
    for (int64_t j = 0; j < static_cast<int64_t>(q.d.columns); ++j) {
      const int64_t column =
          batch * q.b.batch_stride + j * (turn_b ? 1 : int64_t{q.b.stride});
      const float* const of_b =
          Gathered(b, column, turn_b ? q.b.stride : 1, q.b.half(), &right);
      for (int64_t i = 0; i < static_cast<int64_t>(q.d.rows); ++i) {
        const int64_t row =
            batch * q.a.batch_stride + i * (turn_a ? int64_t{q.a.stride} : 1);
        const float* const of_a =
            Gathered(a, row, turn_a ? 1 : q.a.stride, q.a.half(), &left);
        float sum = alpha * Dot(of_a, of_b, depth, backwards);
        if (beta != 0) {
          sum +=
              beta * FloatAt(c, batch * q.c.batch_stride + i + j * q.c.stride,
                             q.c.half());
        }
        if (q.HasBias()) sum += FloatAt(bias, i, q.d.half());
        if (q.HasRelu() && sum < 0) sum = 0;
        SetFloat(d, batch * q.d.batch_stride + i + j * q.d.stride, q.d.half(),
                 sum);
      }
    }
  }
}

template <typename To>
cublasStatus_t Take(To* to, const void* from, size_t bytes) {
  if (bytes != sizeof(To)) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(to, from, bytes);
  return CUBLAS_STATUS_SUCCESS;
}

}  // namespace
}  // namespace layerd::twin

using layerd::twin::Call;
using layerd::twin::Chosen;
using layerd::twin::Layout;
using layerd::twin::Machine;
using layerd::twin::Of;
using layerd::twin::Preference;
using layerd::twin::Product;
using layerd::twin::Question;
using layerd::twin::Take;
using layerd::twin::Touch;

extern "C" {

size_t CUBLASWINAPI cublasLtGetVersion() { return CUBLAS_VERSION; }

cublasStatus_t CUBLASWINAPI cublasLtCreate(cublasLtHandle_t* handle) {
  *handle = reinterpret_cast<cublasLtHandle_t>(uintptr_t{0x17});
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t CUBLASWINAPI cublasLtDestroy(cublasLtHandle_t) {
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t CUBLASWINAPI
cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* product,
                         cublasComputeType_t compute, cudaDataType_t scale) {
  if (compute != CUBLAS_COMPUTE_32F || scale != CUDA_R_32F) {
    return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  *product = reinterpret_cast<cublasLtMatmulDesc_t>(new Product());
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t CUBLASWINAPI
cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t product) {
  delete reinterpret_cast<Product*>(product);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t CUBLASWINAPI cublasLtMatmulDescSetAttribute(
    cublasLtMatmulDesc_t handle, cublasLtMatmulDescAttributes_t attribute,
    const void* value, size_t bytes) {
  Product* const product = reinterpret_cast<Product*>(handle);
  switch (attribute) {
    case CUBLASLT_MATMUL_DESC_TRANSA:
      return Take(&product->turns[0], value, bytes);
    case CUBLASLT_MATMUL_DESC_TRANSB:
      return Take(&product->turns[1], value, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE:
      return Take(&product->epilogue, value, bytes);
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER:
      return Take(&product->bias, value, bytes);
    default:
      Machine::Get().Alarm("a product attribute that is not the twin's");
      return CUBLAS_STATUS_INVALID_VALUE;
  }
}

cublasStatus_t CUBLASWINAPI
cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType type,
                           uint64_t rows, uint64_t columns, int64_t stride) {
  if (type != CUDA_R_32F && type != CUDA_R_16F) {
    return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  auto* const made = new Layout();
  made->type = type;
  made->rows = rows;
  made->columns = columns;
  made->stride = stride;
  *layout = reinterpret_cast<cublasLtMatrixLayout_t>(made);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t CUBLASWINAPI
cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
  delete reinterpret_cast<Layout*>(layout);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t CUBLASWINAPI cublasLtMatrixLayoutSetAttribute(
    cublasLtMatrixLayout_t handle, cublasLtMatrixLayoutAttribute_t attribute,
    const void* value, size_t bytes) {
  Layout* const layout = reinterpret_cast<Layout*>(handle);
  switch (attribute) {
    case CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT:
      return Take(&layout->batches, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET:
      return Take(&layout->batch_stride, value, bytes);
    default:
      Machine::Get().Alarm("a layout attribute that is not the twin's");
      return CUBLAS_STATUS_INVALID_VALUE;
  }
}

cublasStatus_t CUBLASWINAPI
cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* preference) {
  *preference = reinterpret_cast<cublasLtMatmulPreference_t>(new Preference());
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t CUBLASWINAPI
cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
  delete reinterpret_cast<Preference*>(preference);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t CUBLASWINAPI cublasLtMatmulPreferenceSetAttribute(
    cublasLtMatmulPreference_t handle,
    cublasLtMatmulPreferenceAttributes_t attribute, const void* value,
    size_t bytes) {
  Preference* const preference = reinterpret_cast<Preference*>(handle);
  switch (attribute) {
    case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES:
      return Take(&preference->workspace_bytes, value, bytes);
    case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK:
      return Take(&preference->reductions, value, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES:
      return Take(&preference->alignments[0], value, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES:
      return Take(&preference->alignments[1], value, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES:
      return Take(&preference->alignments[2], value, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES:
      return Take(&preference->alignments[3], value, bytes);
    default:
      Machine::Get().Alarm("a preference that is not the twin's");
      return CUBLAS_STATUS_INVALID_VALUE;
  }
}

cublasStatus_t CUBLASWINAPI cublasLtMatmulAlgoGetHeuristic(
    cublasLtHandle_t, cublasLtMatmulDesc_t product, cublasLtMatrixLayout_t a,
    cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c,
    cublasLtMatrixLayout_t d, cublasLtMatmulPreference_t handle, int wanted,
    cublasLtMatmulHeuristicResult_t* found, int* returned) {
  Machine& machine = Machine::Get();
  const std::lock_guard lock(machine.mutex());
  const Question question{Of(product), Of(a), Of(b), Of(c), Of(d)};
  const auto& preference = *reinterpret_cast<const Preference*>(handle);
  *returned = 0;
  if (const char* flaw = question.Flaw()) {
    machine.Alarm(absl::StrCat("a plan for a product: ", flaw));
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  if ((preference.reductions & CUBLASLT_REDUCTION_SCHEME_INPLACE) != 0) {
    machine.Alarm("a product that may sum in any order");
  }
  if (question.HasBias() && question.product.bias == nullptr) {
    machine.Alarm("a plan for a product: a bias of no known alignment");
  }
  const uint64_t fate = machine.Fate(question.Fingerprint());
  if (static_cast<int>(fate % 100) < machine.options().not_supported_percent) {
    return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  const int count = static_cast<int>(fate / 100 % 3) + 1;
  for (int i = 0; i < std::min(count, wanted); ++i) {
    Chosen chosen{question.Fingerprint(),
                  fate / 300 + i,
                  std::min<uint64_t>((fate / 900 + i) % 5 * 1000,
                                     preference.workspace_bytes),
                  {},
                  layerd::twin::AlignmentOf(question.product.bias)};
    std::copy_n(preference.alignments, 4, chosen.alignments);
    cublasLtMatmulHeuristicResult_t& one = found[(*returned)++];
    one = {};
    std::memcpy(&one.algo, &chosen, sizeof chosen);
    one.workspaceSize = chosen.workspace_bytes;
    one.state = CUBLAS_STATUS_SUCCESS;
  }
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t CUBLASWINAPI
cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t product,
               const void* alpha, const void* a, cublasLtMatrixLayout_t ad,
               const void* b, cublasLtMatrixLayout_t bd, const void* beta,
               const void* c, cublasLtMatrixLayout_t cd, void* d,
               cublasLtMatrixLayout_t dd, const cublasLtMatmulAlgo_t* algorithm,
               void* workspace, size_t workspace_bytes, cudaStream_t stream) {
  Machine& machine = Machine::Get();
  const std::lock_guard lock(machine.mutex());
  const Question question{Of(product), Of(ad), Of(bd), Of(cd), Of(dd)};
  Call call{.name = "cublasLtMatmul",
            .stream = stream,
            .pointers = {d, const_cast<void*>(a), const_cast<void*>(b),
                         const_cast<void*>(c),
                         const_cast<void*>(question.product.bias), workspace},
            .bytes = workspace_bytes};
  if (!machine.Admit(call)) return CUBLAS_STATUS_SUCCESS;
  const auto wrong = [&](const char* what) {
    machine.Alarm(absl::StrCat("product: ", what));
    return CUBLAS_STATUS_INVALID_VALUE;
  };
  if (const char* flaw = question.Flaw()) return wrong(flaw);
  if (algorithm == nullptr)
    return wrong("no algorithm: it is chosen each time");
  Chosen chosen;
  std::memcpy(&chosen, algorithm, sizeof chosen);
  if (chosen.fingerprint != question.Fingerprint()) {
    return wrong("an algorithm that was planned for another product");
  }
  if (call.bytes < chosen.workspace_bytes)
    return wrong("too small a workspace");
  const float of_product = *static_cast<const float*>(alpha);
  const float of_c = *static_cast<const float*>(beta);
  std::vector<Touch> touches = {
      {call.pointers[0], question.d.span_bytes(), true},
      {call.pointers[1], question.a.span_bytes(), false},
      {call.pointers[2], question.b.span_bytes(), false}};
  if (of_c != 0) {
    touches.push_back({call.pointers[3], question.c.span_bytes(), false});
  }
  if (question.HasBias()) {
    touches.push_back(
        {call.pointers[4],
         question.d.rows * (question.d.half() ? size_t{2} : size_t{4}), false});
  }
  if (chosen.workspace_bytes > 0) {
    touches.push_back({call.pointers[5], chosen.workspace_bytes, true});
    if (reinterpret_cast<uintptr_t>(call.pointers[5]) % 256 != 0) {
      return wrong("a workspace off 256 bytes");
    }
  }
  const auto misaligned = [](const void* pointer, uint32_t alignment) {
    return reinterpret_cast<uintptr_t>(pointer) % alignment != 0;
  };
  if (misaligned(call.pointers[1], chosen.alignments[0]) ||
      misaligned(call.pointers[2], chosen.alignments[1]) ||
      (of_c != 0 && misaligned(call.pointers[3], chosen.alignments[2])) ||
      misaligned(call.pointers[0], chosen.alignments[3]) ||
      (question.HasBias() &&
       misaligned(call.pointers[4], chosen.bias_alignment))) {
    return wrong("an operand that is less aligned than planned");
  }
  for (const Touch& touch : touches) {
    if (!machine.IsDeviceVisible(touch.begin, touch.bytes)) {
      return wrong("memory that is not the device's");
    }
  }
  ++machine.counters().products;
  machine.Enqueue(call.stream, "a product", touches, [=, at = call] {
    if (chosen.workspace_bytes > 0) {
      std::memset(at.pointers[5], 0xff, chosen.workspace_bytes);
    }
    layerd::twin::Multiply(question, at.pointers[1], at.pointers[2],
                           at.pointers[3], at.pointers[4], of_product, of_c,
                           chosen.order % 2 == 1, at.pointers[0]);
  });
  return CUBLAS_STATUS_SUCCESS;
}

}  // extern "C"
