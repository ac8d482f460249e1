#include "kernels/weight_layout.h"

#include <array>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "config/check.h"
#include "kernels/winograd.h"

namespace layerd {

WeightLayout WeightLayout::Plain(DataType dtype, std::vector<int64_t> shape) {
  WeightLayout layout;
  layout.dtype = dtype;
  layout.strides = PlainStrides(shape);
  layout.padded_shape = shape;
  layout.shape = std::move(shape);
  return layout;
}

WeightLayout WeightLayout::PlainWinograd(std::vector<int64_t> shape) {
  WeightLayout layout = Plain(DataType::kF32, std::move(shape));
  layout.transform = Transform::kWinograd;
  layout.padded_shape[2] = layout.padded_shape[3] = kWinogradInputs;
  layout.strides = PlainStrides(layout.padded_shape);
  return layout;
}

size_t WeightLayout::bytes() const {
  size_t bytes = SizeOf(dtype);
  for (const int64_t size : padded_shape) {
    if (__builtin_mul_overflow(bytes, static_cast<size_t>(size), &bytes)) {
      return std::numeric_limits<size_t>::max();
    }
  }
  return bytes;
}

int64_t WeightLayout::PositionOf(std::span<const int64_t> index) const {
  LAYERD_CHECK(index.size() == strides.size() && index.size() <= kRankMax);
  std::array<int64_t, kRankMax> outer;
  for (size_t d = 0; d < index.size(); ++d) outer[d] = index[d];
  int64_t position = 0;
  int64_t block_stride = 1;
  for (size_t b = blocks.size(); b-- > 0;) {
    const Block& block = blocks[b];
    position += outer[block.dimension] % block.size * block_stride;
    outer[block.dimension] /= block.size;
    block_stride *= block.size;
  }
  for (size_t d = 0; d < index.size(); ++d) position += outer[d] * strides[d];
  return position;
}

std::string ToString(const WeightLayout& layout) {
  std::string text = absl::StrCat(
      NameOf(layout.dtype), " [", absl::StrJoin(layout.shape, ", "),
      "] strides [", absl::StrJoin(layout.strides, ", "), "]");
  if (layout.padded_shape != layout.shape) {
    absl::StrAppend(&text, " padded to [",
                    absl::StrJoin(layout.padded_shape, ", "), "]");
  }
  if (layout.transform == WeightLayout::Transform::kWinograd) {
    absl::StrAppend(&text, " transformed");
  }
  for (const WeightLayout::Block& block : layout.blocks) {
    absl::StrAppend(&text, &block == &layout.blocks.front() ? " blocks " : ", ",
                    block.size, " of dimension ", block.dimension);
  }
  return text;
}

}  // namespace layerd
