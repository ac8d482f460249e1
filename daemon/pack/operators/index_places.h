#ifndef LAYERD_DAEMON_PACK_OPERATORS_INDEX_PLACES_H_
#define LAYERD_DAEMON_PACK_OPERATORS_INDEX_PLACES_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace layerd {

// Which elements known indices mean, counted in row-major order: what
// GatherElements, GatherND, ScatterElements and ScatterND have in common.
// Negative indices count from the end.
//
// Errors: INVALID_ARGUMENT for an index outside of its dimension.

// As in *Elements: index i stands at place i of `indices_shape`, and replaces
// the place's coordinate along `axis`. Elements of `shape`.
// REQUIRES: the shapes have one rank; the other dimensions fit in `shape`.
absl::StatusOr<std::vector<int64_t>> ElementPlaces(
    std::span<const int64_t> indices, const std::vector<int64_t>& indices_shape,
    const std::vector<int64_t>& shape, int64_t axis);

// As in *ND: each `shape.size()` indices are the coordinates of one element of
// `shape`.
absl::StatusOr<std::vector<int64_t>> TuplePlaces(
    std::span<const int64_t> indices, std::span<const int64_t> shape);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_OPERATORS_INDEX_PLACES_H_
