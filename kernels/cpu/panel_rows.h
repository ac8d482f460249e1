#ifndef LAYERD_KERNELS_CPU_PANEL_ROWS_H_
#define LAYERD_KERNELS_CPU_PANEL_ROWS_H_

#include <cstdint>

namespace layerd::cpu {

// Columns of a matrix that become a panel of a tile: rows side by side.
//
//     to[r * panel + c] = factor * from[r * row_step + c * column_step]
//
// and zeros in what columns the panel has beyond those. Fast where one of the
// steps is 1.
//
// Threading: pure.
struct PanelOf {
  const float* from;
  int64_t row_step, column_step;
  int64_t rows, columns;
  float factor;
  int64_t panel;  // At least `columns`.
  float* to;
};
void PackPanel(const PanelOf& matrix);

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_PANEL_ROWS_H_
