#ifndef LAYERD_KERNELS_CPU_PRIMITIVE_DESC_H_
#define LAYERD_KERNELS_CPU_PRIMITIVE_DESC_H_

#include <dnnl.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/cpu/memory_desc.h"
#include "kernels/cpu/onednn.h"
#include "kernels/operator.h"

namespace layerd::cpu {

// What the library chose for one operation: the kernel, and how its weights
// lie. The four operations that we ask it for; the scratchpad is ours, and an
// activation is applied behind the operation. UNIMPLEMENTED for what the
// library does not do.
//
// `weights` may be AnyDescOf(): then it chooses, which WeightsOf() tells.
// A null `bias`: there is none.

// A window that slides over pictures of any rank.
struct WindowProblem {
  MemoryDesc x, weights, bias, y;
  std::vector<int64_t> strides, dilations, pads_begin, pads_end;
  Activation activation;
};
absl::StatusOr<UniquePrimitiveDesc> ChooseConvolution(
    const OneDnn& library, const WindowProblem& problem);
absl::StatusOr<UniquePrimitiveDesc> ChooseDeconvolution(
    const OneDnn& library, const WindowProblem& problem);

struct ProductProblem {
  MemoryDesc x, weights, bias, y;
  Activation activation;
};
// [rows, I] by [O, I].
absl::StatusOr<UniquePrimitiveDesc> ChooseInnerProduct(
    const OneDnn& library, const ProductProblem& problem);
// [..., M, K] by [..., K, N].
absl::StatusOr<UniquePrimitiveDesc> ChooseMatMul(const OneDnn& library,
                                                 const ProductProblem& problem);

// Of what `desc` chose: "brgconv:avx512_core".
std::string ImplementationOf(const_dnnl_primitive_desc_t desc);
// Lives as long as `desc`.
const_dnnl_memory_desc_t WeightsOf(const_dnnl_primitive_desc_t desc);

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_PRIMITIVE_DESC_H_
