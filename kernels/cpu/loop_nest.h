#ifndef LAYERD_KERNELS_CPU_LOOP_NEST_H_
#define LAYERD_KERNELS_CPU_LOOP_NEST_H_

#include <array>
#include <cstdint>
#include <vector>

#include "kernels/cpu/parallel.h"
#include "kernels/tensor.h"

namespace layerd::cpu {

// A loop over up to four operands that have one shape and strides of their
// own, turned so that it runs along the memory of operand 0 (the output), with
// dimensions merged where all operands allow it. Its innermost loop is a row.
//
// Units: elements.
struct LoopNest {
  static constexpr size_t kOperandsMax = 4;
  using Positions = std::array<int64_t, kOperandsMax>;

  // At least 1; the last dimension is the row.
  size_t rank = 1;
  std::array<int64_t, kRankMax> count{1};
  std::array<Positions, kRankMax> stride{};

  int64_t row_count() const { return count[rank - 1]; }
  const Positions& row_stride() const { return stride[rank - 1]; }
};

// REQUIRES: each operand has one stride for each number of the shape.
LoopNest PlanLoops(const std::vector<int64_t>& shape,
                   const std::vector<std::vector<int64_t>>& strides);

// The strides of an operand that broadcasts to `shape`: zero where it does.
std::vector<int64_t> BroadcastStrides(const TensorType& operand,
                                      const std::vector<int64_t>& shape);

// Steps through the rows' first elements.
class RowCursor {
 public:
  RowCursor(const LoopNest& nest, int64_t row);
  const LoopNest::Positions& positions() const { return positions_; }
  void Next();

 private:
  const LoopNest& nest_;
  std::array<int64_t, kRankMax> index_{};
  LoopNest::Positions positions_{};
};

// Calls row(positions, count) for pieces of rows short enough for a first-level
// cache, on all threads.
template <typename Row>
void ForEachRow(const LoopNest& nest, const Row& row) {
  constexpr int64_t kPieceElements = 4096;
  int64_t rows = 1;
  for (size_t d = 0; d + 1 < nest.rank; ++d) rows *= nest.count[d];
  const int64_t row_count = nest.row_count();
  const int64_t pieces = (row_count + kPieceElements - 1) / kPieceElements;
  ParallelRanges(
      rows * pieces, rows * row_count, [&](int64_t begin, int64_t end) {
        RowCursor cursor(nest, begin / pieces);
        for (int64_t at = begin; at < end;) {
          const int64_t first = at % pieces * kPieceElements;
          LoopNest::Positions positions = cursor.positions();
          for (size_t i = 0; i < positions.size(); ++i) {
            positions[i] += first * nest.row_stride()[i];
          }
          row(positions, std::min(kPieceElements, row_count - first));
          if (++at % pieces == 0) cursor.Next();
        }
      });
}

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_LOOP_NEST_H_
