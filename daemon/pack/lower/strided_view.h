#ifndef LAYERD_DAEMON_PACK_LOWER_STRIDED_VIEW_H_
#define LAYERD_DAEMON_PACK_LOWER_STRIDED_VIEW_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "kernels/tensor.h"

namespace layerd {

// Whether `a` and `b` are the same order in memory for `shape`: the stride of a
// dimension of one element means nothing.
bool SameOrder(const std::vector<int64_t>& shape, const std::vector<int64_t>& a,
               const std::vector<int64_t>& b);

// The strides with which the memory of `type` is, element by element in
// row-major order, a tensor of `shape`. Nothing if no strides say that: then a
// reshape has to copy.
// REQUIRES: as many elements as `type` has.
std::optional<std::vector<int64_t>> ReshapedStrides(
    const TensorType& type, const std::vector<int64_t>& shape);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_LOWER_STRIDED_VIEW_H_
