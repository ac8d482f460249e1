#include "kernels/type_check.h"

#include <algorithm>
#include <array>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/status_macros.h"
#include "kernels/winograd.h"

namespace layerd {
namespace {

using absl::InvalidArgumentError;
using absl::StrFormat;

constexpr int64_t kSizeMax = int64_t{1} << 31;
constexpr int64_t kBlockMax = 1 << 12;
constexpr size_t kBlocksMax = 8;

absl::Status CheckSizes(const std::vector<int64_t>& shape,
                        const std::vector<int64_t>& strides) {
  if (shape.size() > kRankMax || strides.size() != shape.size()) {
    return InvalidArgumentError(
        StrFormat("%d sizes and %d strides, at most %d of each", shape.size(),
                  strides.size(), kRankMax));
  }
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] >= 1 && shape[d] <= kSizeMax && strides[d] >= 0) continue;
    return InvalidArgumentError(StrFormat(
        "dimension %d has size %d and stride %d", d, shape[d], strides[d]));
  }
  return absl::OkStatus();
}

// Sorted by stride, each dimension must step over all that lies inside it.
// (Types exist whose elements are distinct without that; nobody needs them.)
bool AreDistinct(const TensorType& type) {
  struct Dimension {
    int64_t stride, size;
  };
  std::vector<Dimension> dimensions;
  for (size_t d = 0; d < type.shape.size(); ++d) {
    if (type.shape[d] == 1) continue;
    dimensions.push_back({type.strides[d], type.shape[d]});
  }
  std::sort(dimensions.begin(), dimensions.end(),
            [](const Dimension& a, const Dimension& b) {
              return a.stride < b.stride;
            });
  int64_t span = 1;
  for (const Dimension& dimension : dimensions) {
    if (dimension.stride < span) return false;
    span += (dimension.size - 1) * dimension.stride;
  }
  return true;
}

absl::Status CheckBlocks(const WeightLayout& layout) {
  if (layout.blocks.size() > kBlocksMax) {
    return InvalidArgumentError(StrFormat("%d inner blocks, at most %d",
                                          layout.blocks.size(), kBlocksMax));
  }
  std::array<int64_t, kRankMax> block_of;
  block_of.fill(1);
  for (const WeightLayout::Block& block : layout.blocks) {
    if (block.dimension >= layout.shape.size() || block.size < 1 ||
        block.size > kBlockMax) {
      return InvalidArgumentError(StrFormat("inner block of %d in dimension %d",
                                            block.size, block.dimension));
    }
    block_of[block.dimension] *= block.size;
    if (layout.padded_shape[block.dimension] % block_of[block.dimension] != 0) {
      return InvalidArgumentError(
          StrFormat("blocks of %d do not divide %d in dimension %d",
                    block_of[block.dimension],
                    layout.padded_shape[block.dimension], block.dimension));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckTransform(const WeightLayout& layout) {
  using Transform = WeightLayout::Transform;
  using Sizes = std::vector<int64_t>;
  if (layout.transform == Transform::kNone) return absl::OkStatus();
  const Sizes& shape = layout.shape;
  const Sizes& padded = layout.padded_shape;
  if (layout.transform == Transform::kWinograd && shape.size() == 4 &&
      layout.dtype == DataType::kF32 && shape[2] == 3 && shape[3] == 3 &&
      padded[2] == kWinogradInputs && padded[3] == kWinogradInputs) {
    return absl::OkStatus();
  }
  return InvalidArgumentError(StrFormat("transform %d of %s",
                                        static_cast<int>(layout.transform),
                                        ToString(layout)));
}

}  // namespace

absl::Status CheckTensorType(const TensorType& type) {
  if (SizeOf(type.dtype) == 0) {
    return InvalidArgumentError(
        StrFormat("datatype %d is unknown", static_cast<int>(type.dtype)));
  }
  RETURN_IF_ERROR(CheckSizes(type.shape, type.strides));
  if (static_cast<uint64_t>(type.span_bytes()) > kSpanBytesMax ||
      static_cast<uint64_t>(type.element_count()) > kSpanBytesMax) {
    return InvalidArgumentError(
        absl::StrCat(ToString(type), " is too large to address"));
  }
  return absl::OkStatus();
}

absl::Status CheckOutputType(const TensorType& type) {
  RETURN_IF_ERROR(CheckTensorType(type));
  if (AreDistinct(type)) return absl::OkStatus();
  return InvalidArgumentError(absl::StrCat(ToString(type), " with strides [",
                                           absl::StrJoin(type.strides, ", "),
                                           "] overlaps itself"));
}

absl::Status CheckWeightLayout(const WeightLayout& layout) {
  if (SizeOf(layout.dtype) == 0) {
    return InvalidArgumentError(
        StrFormat("datatype %d is unknown", static_cast<int>(layout.dtype)));
  }
  RETURN_IF_ERROR(CheckSizes(layout.shape, layout.strides));
  RETURN_IF_ERROR(CheckSizes(layout.padded_shape, layout.strides));
  for (size_t d = 0; d < layout.shape.size(); ++d) {
    if (layout.padded_shape[d] >= layout.shape[d]) continue;
    return InvalidArgumentError(
        StrFormat("dimension %d is padded from %d to %d", d, layout.shape[d],
                  layout.padded_shape[d]));
  }
  RETURN_IF_ERROR(CheckBlocks(layout));
  RETURN_IF_ERROR(CheckTransform(layout));
  if (layout.bytes() > kSpanBytesMax) {
    return InvalidArgumentError(
        absl::StrCat(ToString(layout), " is too large to address"));
  }
  // Positions grow with each index, so the last element lies farthest.
  const uint64_t elements = layout.bytes() / SizeOf(layout.dtype);
  int64_t block_elements = 1;
  std::vector<int64_t> outer = layout.padded_shape;
  for (const WeightLayout::Block& block : layout.blocks) {
    outer[block.dimension] /= block.size;
    block_elements *= block.size;
  }
  TensorType blocks{DataType::kU8, outer, layout.strides};
  const uint64_t last =
      static_cast<uint64_t>(blocks.span_bytes()) - 1 + block_elements - 1;
  if (last < elements) return absl::OkStatus();
  return InvalidArgumentError(StrFormat("%s reaches element %d of %d",
                                        ToString(layout), last, elements));
}

}  // namespace layerd
