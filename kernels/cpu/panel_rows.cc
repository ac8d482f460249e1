#include "kernels/cpu/panel_rows.h"

#include "kernels/cpu/lanes.h"
#include "kernels/cpu/multiversion.h"

namespace layerd::cpu {
namespace {

constexpr int64_t kBlock = 8;

using Eight = float __attribute__((vector_size(4 * kBlock)));
struct UnalignedEight {
  Eight value;
} __attribute__((packed, may_alias));

LAYERD_INLINE Eight EvenOf(const Eight& a, const Eight& b) {
  return __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13);
}
LAYERD_INLINE Eight OddOf(const Eight& a, const Eight& b) {
  return __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
}
LAYERD_INLINE Eight EvenPairsOf(const Eight& a, const Eight& b) {
  return __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13);
}
LAYERD_INLINE Eight OddPairsOf(const Eight& a, const Eight& b) {
  return __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
}

// Eight rows of eight columns, each of which lies side by side.
LAYERD_INLINE void Transpose(const PanelOf& matrix, int64_t row,
                             int64_t column) {
  const float* const from = matrix.from + row + column * matrix.column_step;
  Eight x[kBlock], y[kBlock];
  for (int64_t c = 0; c < kBlock; ++c) {
    x[c] =
        reinterpret_cast<const UnalignedEight*>(from + c * matrix.column_step)
            ->value *
        matrix.factor;
  }
  for (int64_t c = 0; c < kBlock; c += 2) {
    y[c] = EvenOf(x[c], x[c + 1]);
    y[c + 1] = OddOf(x[c], x[c + 1]);
  }
  for (int64_t c = 0; c < kBlock; c += 4) {
    x[c] = EvenPairsOf(y[c], y[c + 2]);
    x[c + 1] = OddPairsOf(y[c], y[c + 2]);
    x[c + 2] = EvenPairsOf(y[c + 1], y[c + 3]);
    x[c + 3] = OddPairsOf(y[c + 1], y[c + 3]);
  }
  float* const to = matrix.to + row * matrix.panel + column;
  for (int64_t r = 0; r < kBlock / 2; ++r) {
    const Eight& head = x[r];
    const Eight& tail = x[r + kBlock / 2];
    reinterpret_cast<UnalignedEight*>(to + r * matrix.panel)->value =
        __builtin_shufflevector(head, tail, 0, 1, 2, 3, 8, 9, 10, 11);
    reinterpret_cast<UnalignedEight*>(to + (r + kBlock / 2) * matrix.panel)
        ->value =
        __builtin_shufflevector(head, tail, 4, 5, 6, 7, 12, 13, 14, 15);
  }
}

LAYERD_INLINE void PackPlain(const PanelOf& matrix, int64_t first_row,
                             int64_t rows, int64_t first_column,
                             int64_t columns) {
  for (int64_t r = first_row; r < first_row + rows; ++r) {
    for (int64_t c = first_column; c < first_column + columns; ++c) {
      matrix.to[r * matrix.panel + c] =
          matrix.factor *
          matrix.from[r * matrix.row_step + c * matrix.column_step];
    }
  }
}

LAYERD_INLINE void PackTransposed(const PanelOf& matrix) {
  const int64_t rows = matrix.rows / kBlock * kBlock;
  const int64_t columns = matrix.columns / kBlock * kBlock;
  for (int64_t r = 0; r < rows; r += kBlock) {
    for (int64_t c = 0; c < columns; c += kBlock) Transpose(matrix, r, c);
  }
  PackPlain(matrix, rows, matrix.rows - rows, 0, columns);
  PackPlain(matrix, 0, matrix.rows, columns, matrix.columns - columns);
}

template <typename Vector>
LAYERD_INLINE void PackWholeRows(const PanelOf& matrix) {
  for (int64_t r = 0; r < matrix.rows; ++r) {
    const float* const from = matrix.from + r * matrix.row_step;
    float* const to = matrix.to + r * matrix.panel;
    for (int64_t c = 0; c < matrix.columns; c += Vector::kCount) {
      Vector::Put(to + c, Vector::Load(from + c) * matrix.factor);
    }
  }
}

}  // namespace

LAYERD_MULTIVERSION
void PackPanel(const PanelOf& matrix) {
  if (matrix.columns < matrix.panel) {
    for (int64_t r = 0; r < matrix.rows; ++r) {
      float* const row = matrix.to + r * matrix.panel;
      for (int64_t c = matrix.columns; c < matrix.panel; ++c) row[c] = 0;
    }
  }
  if (matrix.row_step == 1) return PackTransposed(matrix);
  if (matrix.column_step == 1 && matrix.columns % kLanes == 0) {
    return HasLongVectors() ? PackWholeRows<LongVector>(matrix)
                            : PackWholeRows<ShortVector>(matrix);
  }
  PackPlain(matrix, 0, matrix.rows, 0, matrix.columns);
}

}  // namespace layerd::cpu
