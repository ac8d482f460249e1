#include "daemon/pack/operators/index_places.h"

#include <optional>

#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/broadcast.h"
#include "kernels/tensor.h"

namespace layerd {
namespace {

absl::StatusOr<int64_t> Within(int64_t index, int64_t dimension) {
  if (index < -dimension || index >= dimension) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "index %d is outside of a dimension of %d", index, dimension));
  }
  return index < 0 ? index + dimension : index;
}

}  // namespace

absl::StatusOr<std::vector<int64_t>> ElementPlaces(
    std::span<const int64_t> indices, const std::vector<int64_t>& indices_shape,
    const std::vector<int64_t>& shape, int64_t axis) {
  const auto along = static_cast<size_t>(axis);
  std::vector<int64_t> strides = PlainStrides(shape);
  const int64_t step = strides[along];
  strides[along] = 0;
  StridedWalk walk(indices_shape, {strides});
  std::vector<int64_t> places;
  places.reserve(indices.size());
  for (const int64_t index : indices) {
    ASSIGN_OR_RETURN(const int64_t within, Within(index, shape[along]));
    places.push_back(walk.offset(0) + within * step);
    walk.Step();
  }
  return places;
}

absl::StatusOr<std::vector<int64_t>> TuplePlaces(
    std::span<const int64_t> indices, std::span<const int64_t> shape) {
  std::vector<int64_t> places;
  places.reserve(indices.size() / shape.size());
  for (size_t at = 0; at < indices.size(); at += shape.size()) {
    int64_t place = 0;
    for (size_t d = 0; d < shape.size(); ++d) {
      ASSIGN_OR_RETURN(const int64_t within, Within(indices[at + d], shape[d]));
      place = place * shape[d] + within;
    }
    places.push_back(place);
  }
  return places;
}

}  // namespace layerd
