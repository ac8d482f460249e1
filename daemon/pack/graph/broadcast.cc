#include "daemon/pack/graph/broadcast.h"

#include <algorithm>

#include "config/check.h"

namespace layerd {

std::optional<std::vector<int64_t>> BroadcastShape(
    const std::vector<int64_t>& a, const std::vector<int64_t>& b) {
  const size_t rank = std::max(a.size(), b.size());
  std::vector<int64_t> shape(rank);
  for (size_t from_end = 1; from_end <= rank; ++from_end) {
    const int64_t left = from_end <= a.size() ? a[a.size() - from_end] : 1;
    const int64_t right = from_end <= b.size() ? b[b.size() - from_end] : 1;
    if (left != right && left != 1 && right != 1) return std::nullopt;
    shape[rank - from_end] = left == 1 ? right : left;
  }
  return shape;
}

std::vector<int64_t> BroadcastStrides(const std::vector<int64_t>& from,
                                      const std::vector<int64_t>& to) {
  LAYERD_CHECK(from.size() <= to.size());
  std::vector<int64_t> strides(to.size(), 0);
  int64_t stride = 1;
  for (size_t from_end = 1; from_end <= from.size(); ++from_end) {
    const int64_t dimension = from[from.size() - from_end];
    const size_t i = to.size() - from_end;
    LAYERD_CHECK(dimension == to[i] || dimension == 1);
    if (dimension != 1) strides[i] = stride;
    stride *= dimension;
  }
  return strides;
}

void StridedWalk::Step() {
  for (size_t i = shape_.size(); i-- > 0;) {
    const bool wraps = ++index_[i] == shape_[i];
    for (size_t t = 0; t < strides_.size(); ++t) {
      offsets_[t] += wraps ? -strides_[t][i] * (shape_[i] - 1) : strides_[t][i];
    }
    if (!wraps) return;
    index_[i] = 0;
  }
}

}  // namespace layerd
