#include "kernels/cpu/strided_copy.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

#include "kernels/cpu/cast_rows.h"
#include "kernels/cpu/lanes.h"
#include "kernels/cpu/multiversion.h"

namespace layerd::cpu {
namespace {

// 32 x 32 floats: two times 4 KiB, half a row of pages apart at worst.
constexpr int64_t kBlock = 32;

// Pictures come with their colours apart: three streams, of pages each.
constexpr int64_t kColours = 3;
constexpr int64_t kColourBlock = 1024;

using Eight = uint32_t __attribute__((vector_size(32)));
struct UnalignedEight {
  Eight value;
} __attribute__((packed, may_alias));

const UnalignedEight* AsEight(const uint32_t* from) {
  return reinterpret_cast<const UnalignedEight*>(from);
}

// Eight pixels at a time: two colours are shuffled together, then the third.
LAYERD_MULTIVERSION
int64_t JoinWhole(const uint32_t* from, int64_t from_stride, uint32_t* to,
                  int64_t rows) {
  int64_t row = 0;
  for (; row + 8 <= rows; row += 8, to += 8 * kColours) {
    const Eight a = AsEight(from + row)->value;
    const Eight b = AsEight(from + row + from_stride)->value;
    const Eight c = AsEight(from + row + 2 * from_stride)->value;
    const Eight head = __builtin_shufflevector(a, b, 0, 8, 0, 1, 9, 0, 2, 10);
    const Eight middle =
        __builtin_shufflevector(a, b, 0, 3, 11, 0, 4, 12, 0, 5);
    const Eight tail = __builtin_shufflevector(a, b, 13, 0, 6, 14, 0, 7, 15, 0);
    auto* const joined = reinterpret_cast<UnalignedEight*>(to);
    joined[0].value = __builtin_shufflevector(head, c, 0, 1, 8, 3, 4, 9, 6, 7);
    joined[1].value =
        __builtin_shufflevector(middle, c, 10, 1, 2, 11, 4, 5, 12, 7);
    joined[2].value =
        __builtin_shufflevector(tail, c, 0, 13, 2, 3, 14, 5, 6, 15);
  }
  return row;
}

template <typename Element>
void JoinColours(const Element* from, int64_t from_stride, Element* to,
                 int64_t to_stride, int64_t rows) {
  int64_t row = 0;
  if constexpr (std::is_same_v<Element, uint32_t>) {
    if (to_stride == kColours) row = JoinWhole(from, from_stride, to, rows);
  }
  LAYERD_SAME_OR_APART
  for (; row < rows; ++row) {
    const Element* const pixel = from + row;
    Element* const joined = to + row * to_stride;
    joined[0] = pixel[0];
    joined[1] = pixel[from_stride];
    joined[2] = pixel[2 * from_stride];
  }
}

// Eight by eight, in registers.
LAYERD_INLINE void TransposeEight(const uint32_t* from, int64_t from_stride,
                                  uint32_t* to, int64_t to_stride) {
  Eight one[8], two[8];
  for (int64_t i = 0; i < 8; ++i)
    two[i] = AsEight(from + i * from_stride)->value;
  for (int64_t i = 0; i < 8; i += 2) {
    one[i] =
        __builtin_shufflevector(two[i], two[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    one[i + 1] =
        __builtin_shufflevector(two[i], two[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  for (int64_t i = 0; i < 8; i += 4) {
    for (int64_t j = 0; j < 2; ++j) {
      const Eight& a = one[i + j];
      const Eight& b = one[i + j + 2];
      two[i + 2 * j] = __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13);
      two[i + 2 * j + 1] =
          __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
    }
  }
  for (int64_t i = 0; i < 4; ++i) {
    const auto put = [&](int64_t row, const Eight& value) {
      reinterpret_cast<UnalignedEight*>(to + row * to_stride)->value = value;
    };
    put(i,
        __builtin_shufflevector(two[i], two[i + 4], 0, 1, 2, 3, 8, 9, 10, 11));
    put(i + 4, __builtin_shufflevector(two[i], two[i + 4], 4, 5, 6, 7, 12, 13,
                                       14, 15));
  }
}

// Of rows and columns as many as come in eights.
LAYERD_MULTIVERSION
void TransposeEights(const uint32_t* from, int64_t from_stride, uint32_t* to,
                     int64_t to_stride, int64_t rows, int64_t columns) {
  for (int64_t row = 0; row + 8 <= rows; row += 8) {
    for (int64_t column = 0; column + 8 <= columns; column += 8) {
      TransposeEight(from + column * from_stride + row, from_stride,
                     to + row * to_stride + column, to_stride);
    }
  }
}

template <typename Element>
void TransposeBlock(const std::byte* from_bytes, int64_t from_stride,
                    std::byte* to_bytes, int64_t to_stride, int64_t rows,
                    int64_t columns) {
  const auto* from = reinterpret_cast<const Element*>(from_bytes);
  auto* to = reinterpret_cast<Element*>(to_bytes);
  if (columns == kColours) {
    return JoinColours(from, from_stride, to, to_stride, rows);
  }
  int64_t rows_done = 0, columns_done = 0;
  if constexpr (std::is_same_v<Element, uint32_t>) {
    TransposeEights(from, from_stride, to, to_stride, rows, columns);
    rows_done = rows / 8 * 8;
    columns_done = columns / 8 * 8;
  }
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = row < rows_done ? columns_done : 0; column < columns;
         ++column) {
      to[row * to_stride + column] = from[column * from_stride + row];
    }
  }
}

using TransposeFunction = void (*)(const std::byte*, int64_t, std::byte*,
                                   int64_t, int64_t, int64_t);

TransposeFunction TransposeFor(int64_t element_bytes) {
  switch (element_bytes) {
    case 1:
      return &TransposeBlock<uint8_t>;
    case 2:
      return &TransposeBlock<uint16_t>;
    case 4:
      return &TransposeBlock<uint32_t>;
    default:
      return &TransposeBlock<uint64_t>;
  }
}

}  // namespace

StridedCopy::StridedCopy(const std::vector<int64_t>& shape, DataType from,
                         const std::vector<int64_t>& from_strides, DataType to,
                         const std::vector<int64_t>& to_strides)
    : nest_(PlanLoops(shape, {to_strides, from_strides})),
      from_bytes_(SizeOf(from)),
      to_bytes_(SizeOf(to)),
      cast_(CastRowFor(from, to)) {
  const LoopNest::Positions& row = nest_.row_stride();
  moves_rows_ = from == to && row[0] == 1 && row[1] == 1;
  if (row[0] == 1 && row[1] == 1) {
    if (const CastRow fast = DenseCastRowFor(from, to)) cast_ = fast;
  }
  for (size_t d = 0; d + 1 < nest_.rank; ++d) {
    if (nest_.stride[d][1] != 1 || from != to || row[0] != 1) continue;
    across_ = d;
    transposes_ = true;
  }
}

void StridedCopy::Run(const std::byte* from, std::byte* to) const {
  if (from_bytes_ == 0) return;
  transposes_ ? Transpose(from, to) : CopyRows(from, to);
}

void StridedCopy::CopyRows(const std::byte* from, std::byte* to) const {
  const LoopNest::Positions& stride = nest_.row_stride();
  ForEachRow(nest_, [&](const LoopNest::Positions& at, int64_t count) {
    const std::byte* source = from + at[1] * from_bytes_;
    std::byte* target = to + at[0] * to_bytes_;
    if (moves_rows_) {
      std::memcpy(target, source, count * to_bytes_);
    } else {
      cast_(source, stride[1], target, stride[0], count);
    }
  });
}

// The row's dimension and `across_` go in blocks, the others one by one.
void StridedCopy::Transpose(const std::byte* from, std::byte* to) const {
  LoopNest outer = nest_;
  std::swap(outer.count[across_], outer.count[nest_.rank - 2]);
  std::swap(outer.stride[across_], outer.stride[nest_.rank - 2]);
  const int64_t rows = outer.count[nest_.rank - 2];
  const LoopNest::Positions row_stride = outer.stride[nest_.rank - 2];
  const int64_t columns = nest_.row_count();
  const int64_t block = columns == kColours ? kColourBlock : kBlock;
  const int64_t row_blocks = (rows + block - 1) / block;
  const int64_t column_stride = nest_.row_stride()[1];
  --outer.rank;  // What is left: the others, and blocks of rows.
  outer.count[outer.rank - 1] = 1;
  int64_t others = 1;
  for (size_t d = 0; d + 1 < outer.rank; ++d) others *= outer.count[d];
  const TransposeFunction transpose = TransposeFor(to_bytes_);
  ParallelRanges(
      others * row_blocks, others * rows * columns,
      [&](int64_t begin, int64_t end) {
        RowCursor cursor(outer, begin / row_blocks);
        for (int64_t at = begin; at < end;) {
          const int64_t row = at % row_blocks * block;
          const int64_t height = std::min(block, rows - row);
          const LoopNest::Positions& start = cursor.positions();
          for (int64_t column = 0; column < columns; column += kBlock) {
            const int64_t source =
                start[1] + row * row_stride[1] + column * column_stride;
            const int64_t target = start[0] + row * row_stride[0] + column;
            transpose(from + source * from_bytes_, column_stride,
                      to + target * to_bytes_, row_stride[0], height,
                      std::min(kBlock, columns - column));
          }
          if (++at % row_blocks == 0) cursor.Next();
        }
      });
}

}  // namespace layerd::cpu
