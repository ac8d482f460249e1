#include "kernels/cpu/memory_desc.h"

#include <algorithm>

#include "absl/status/status.h"
#include "config/check.h"
#include "kernels/tensor.h"

namespace layerd::cpu {
namespace {

static_assert(kRankMax <= DNNL_MAX_NDIMS);

absl::Status NoBlocks() {
  return absl::UnimplementedError(
      "oneDNN asks for weights that no blocks tell");
}

}  // namespace

#if DNNL_VERSION_MAJOR < 3

MemoryDesc DescOf(const std::vector<int64_t>& shape,
                  const std::vector<int64_t>& strides) {
  dnnl_memory_desc_t desc;
  LAYERD_CHECK(dnnl_memory_desc_init_by_strides(
                   &desc, shape.size(), shape.data(), dnnl_f32,
                   strides.data()) == dnnl_success);
  return std::make_shared<dnnl_memory_desc_t>(desc);
}

MemoryDesc AnyDescOf(const std::vector<int64_t>& shape) {
  dnnl_memory_desc_t desc;
  LAYERD_CHECK(dnnl_memory_desc_init_by_tag(&desc, shape.size(), shape.data(),
                                            dnnl_f32, dnnl_format_tag_any) ==
               dnnl_success);
  return std::make_shared<dnnl_memory_desc_t>(desc);
}

absl::StatusOr<WeightLayout> LayoutOf(const_dnnl_memory_desc_t desc) {
  if (desc->format_kind != dnnl_blocked || desc->data_type != dnnl_f32 ||
      desc->offset0 != 0 || desc->extra.flags != 0) {
    return NoBlocks();
  }
  const dnnl_blocking_desc_t& blocking = desc->format_desc.blocking;
  WeightLayout layout;
  layout.shape.assign(desc->dims, desc->dims + desc->ndims);
  layout.padded_shape.assign(desc->padded_dims,
                             desc->padded_dims + desc->ndims);
  layout.strides.assign(blocking.strides, blocking.strides + desc->ndims);
  for (int b = 0; b < blocking.inner_nblks; ++b) {
    layout.blocks.push_back({static_cast<uint32_t>(blocking.inner_idxs[b]),
                             blocking.inner_blks[b]});
  }
  return layout;
}

absl::StatusOr<MemoryDesc> DescOf(const WeightLayout& layout) {
  dnnl_memory_desc_t desc = *DescOf(layout.shape, PlainStrides(layout.shape));
  dnnl_blocking_desc_t& blocking = desc.format_desc.blocking;
  std::copy(layout.strides.begin(), layout.strides.end(), blocking.strides);
  std::copy(layout.padded_shape.begin(), layout.padded_shape.end(),
            desc.padded_dims);
  blocking.inner_nblks = layout.blocks.size();
  for (size_t b = 0; b < layout.blocks.size(); ++b) {
    blocking.inner_idxs[b] = layout.blocks[b].dimension;
    blocking.inner_blks[b] = layout.blocks[b].size;
  }
  return std::make_shared<dnnl_memory_desc_t>(desc);
}

#else

namespace {

MemoryDesc Own(dnnl_memory_desc_t desc) {
  return MemoryDesc(desc, [](const dnnl_memory_desc* owned) {
    dnnl_memory_desc_destroy(const_cast<dnnl_memory_desc_t>(owned));
  });
}

// Null: a tensor of this shape has no such order.
MemoryDesc WithTag(const std::vector<int64_t>& shape, int tag) {
  dnnl_memory_desc_t desc;
  const dnnl_status_t status = dnnl_memory_desc_create_with_tag(
      &desc, shape.size(), shape.data(), dnnl_f32,
      static_cast<dnnl_format_tag_t>(tag));
  return status == dnnl_success ? Own(desc) : nullptr;
}

template <typename Value>
Value Ask(const_dnnl_memory_desc_t desc, dnnl_query_t what) {
  Value value{};
  LAYERD_CHECK(dnnl_memory_desc_query(desc, what, &value) == dnnl_success);
  return value;
}

std::vector<int64_t> AskSizes(const_dnnl_memory_desc_t desc, dnnl_query_t what,
                              int count) {
  const auto* sizes = Ask<dnnl_dims_t*>(desc, what);
  return {*sizes, *sizes + count};
}

}  // namespace

MemoryDesc DescOf(const std::vector<int64_t>& shape,
                  const std::vector<int64_t>& strides) {
  dnnl_memory_desc_t desc;
  LAYERD_CHECK(dnnl_memory_desc_create_with_strides(
                   &desc, shape.size(), shape.data(), dnnl_f32,
                   strides.data()) == dnnl_success);
  return Own(desc);
}

MemoryDesc AnyDescOf(const std::vector<int64_t>& shape) {
  MemoryDesc desc = WithTag(shape, dnnl_format_tag_any);
  LAYERD_CHECK(desc != nullptr);
  return desc;
}

absl::StatusOr<WeightLayout> LayoutOf(const_dnnl_memory_desc_t desc) {
  if (Ask<dnnl_format_kind_t>(desc, dnnl_query_format_kind) != dnnl_blocked ||
      Ask<dnnl_data_type_t>(desc, dnnl_query_data_type) != dnnl_f32 ||
      Ask<dnnl_dim_t>(desc, dnnl_query_submemory_offset_s64) != 0) {
    return NoBlocks();
  }
  const int rank = Ask<int>(desc, dnnl_query_ndims_s32);
  WeightLayout layout;
  layout.shape = AskSizes(desc, dnnl_query_dims, rank);
  layout.padded_shape = AskSizes(desc, dnnl_query_padded_dims, rank);
  layout.strides = AskSizes(desc, dnnl_query_strides, rank);
  const int blocks = Ask<int>(desc, dnnl_query_inner_nblks_s32);
  const auto dimensions = AskSizes(desc, dnnl_query_inner_idxs, blocks);
  const auto sizes = AskSizes(desc, dnnl_query_inner_blks, blocks);
  for (int b = 0; b < blocks; ++b) {
    layout.blocks.push_back({static_cast<uint32_t>(dimensions[b]), sizes[b]});
  }
  return layout;
}

// Blocks are made by the name of their order alone, of which there are some
// hundreds: whichever says what the layout says.
absl::StatusOr<MemoryDesc> DescOf(const WeightLayout& layout) {
  if (layout.blocks.empty() && layout.padded_shape == layout.shape) {
    return DescOf(layout.shape, layout.strides);
  }
  for (int tag = dnnl_format_tag_any + 1; tag < dnnl_format_tag_last; ++tag) {
    const MemoryDesc desc = WithTag(layout.shape, tag);
    if (desc == nullptr) continue;
    const absl::StatusOr<WeightLayout> said = LayoutOf(desc.get());
    if (said.ok() && *said == layout) return desc;
  }
  return NoBlocks();
}

#endif

}  // namespace layerd::cpu
