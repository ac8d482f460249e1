#include "kernels/cpu/loop_nest.h"

#include <algorithm>
#include <numeric>

namespace layerd::cpu {
namespace {

bool Merges(const LoopNest& nest, const LoopNest::Positions& inner,
            int64_t inner_count) {
  const LoopNest::Positions& outer = nest.stride[nest.rank - 1];
  for (size_t i = 0; i < inner.size(); ++i) {
    if (outer[i] != inner[i] * inner_count) return false;
  }
  return true;
}

}  // namespace

LoopNest PlanLoops(const std::vector<int64_t>& shape,
                   const std::vector<std::vector<int64_t>>& strides) {
  std::vector<size_t> order(shape.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return strides[0][a] > strides[0][b];
  });
  LoopNest nest;
  nest.rank = 0;
  for (const size_t d : order) {
    if (shape[d] == 1) continue;
    LoopNest::Positions stride{};
    for (size_t i = 0; i < strides.size(); ++i) stride[i] = strides[i][d];
    if (nest.rank > 0 && Merges(nest, stride, shape[d])) {
      nest.count[nest.rank - 1] *= shape[d];
      nest.stride[nest.rank - 1] = stride;
      continue;
    }
    nest.count[nest.rank] = shape[d];
    nest.stride[nest.rank++] = stride;
  }
  if (nest.rank == 0) {
    nest.rank = 1;
    nest.count[0] = 1;
    nest.stride[0] = {1, 1, 1};
  }
  return nest;
}

std::vector<int64_t> BroadcastStrides(const TensorType& operand,
                                      const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides(shape.size(), 0);
  const size_t missing = shape.size() - operand.shape.size();
  for (size_t d = 0; d < operand.shape.size(); ++d) {
    if (operand.shape[d] > 1) strides[missing + d] = operand.strides[d];
  }
  return strides;
}

RowCursor::RowCursor(const LoopNest& nest, int64_t row) : nest_(nest) {
  for (size_t d = nest.rank - 1; d-- > 0; row /= nest.count[d]) {
    index_[d] = row % nest.count[d];
    for (size_t i = 0; i < positions_.size(); ++i) {
      positions_[i] += index_[d] * nest.stride[d][i];
    }
  }
}

void RowCursor::Next() {
  for (size_t d = nest_.rank - 1; d-- > 0;) {
    for (size_t i = 0; i < positions_.size(); ++i) {
      positions_[i] += nest_.stride[d][i];
    }
    if (++index_[d] < nest_.count[d]) return;
    for (size_t i = 0; i < positions_.size(); ++i) {
      positions_[i] -= index_[d] * nest_.stride[d][i];
    }
    index_[d] = 0;
  }
}

}  // namespace layerd::cpu
