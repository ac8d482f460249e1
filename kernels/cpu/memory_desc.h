#ifndef LAYERD_KERNELS_CPU_MEMORY_DESC_H_
#define LAYERD_KERNELS_CPU_MEMORY_DESC_H_

#include <dnnl.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/weight_layout.h"

namespace layerd::cpu {

// How F32 numbers lie in memory, in oneDNN's words: a struct of the caller's
// before its version 3, an object of the library's since.
#if DNNL_VERSION_MAJOR < 3
using const_dnnl_memory_desc_t = const dnnl_memory_desc_t*;
using MemoryDesc = std::shared_ptr<const dnnl_memory_desc_t>;
#else
using MemoryDesc = std::shared_ptr<const dnnl_memory_desc>;
#endif

// REQUIRES: rank 1 to kRankMax.
MemoryDesc DescOf(const std::vector<int64_t>& shape,
                  const std::vector<int64_t>& strides);
// Leaves the order in memory to the library.
MemoryDesc AnyDescOf(const std::vector<int64_t>& shape);

// Between the library's blocked descriptors and ours. UNIMPLEMENTED for an
// opaque one, and for blocks that the library has no name for.
absl::StatusOr<WeightLayout> LayoutOf(const_dnnl_memory_desc_t desc);
absl::StatusOr<MemoryDesc> DescOf(const WeightLayout& layout);

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_MEMORY_DESC_H_
