// Single elements picked and put, and sums along an axis.

#include <cstring>

#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/operators/constant_folding.h"
#include "daemon/pack/operators/index_places.h"
#include "kernels/tensor.h"

namespace layerd {
namespace {

template <typename T>
absl::StatusOr<Constant> Summed(const Folding& node) {
  ASSIGN_OR_RETURN(const std::vector<T> from, node.Load<T>(0));
  const std::vector<int64_t>& shape = *node.input(0).shape;
  const auto axis = static_cast<size_t>(node.attribute<int64_t>("axis"));
  const bool is_exclusive = node.attribute<int64_t>("exclusive") != 0;
  const bool is_reverse = node.attribute<int64_t>("reverse") != 0;
  const auto step = static_cast<size_t>(PlainStrides(shape)[axis]);
  const auto length = static_cast<size_t>(shape[axis]);
  std::vector<T> to(from.size());
  for (size_t first = 0; first < from.size(); ++first) {
    if (first / step % length != 0) continue;
    T sum = 0;
    for (size_t i = 0; i < length; ++i) {
      const size_t at = first + (is_reverse ? length - 1 - i : i) * step;
      const T before = sum;
      sum = static_cast<T>(static_cast<Wrapped<T>>(sum) +
                           static_cast<Wrapped<T>>(from[at]));
      to[at] = is_exclusive ? before : sum;
    }
  }
  return node.Hold(std::span<const T>(to));
}

// Which elements of input 0 the indices mean: single ones, or, as *ND has it,
// the first of as many as stand behind one tuple.
absl::StatusOr<std::vector<int64_t>> Places(const Folding& node,
                                            bool by_tuples) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> indices, node.Load<int64_t>(1));
  const std::vector<int64_t>& shape = *node.input(0).shape;
  const std::vector<int64_t>& indices_shape = *node.input(1).shape;
  if (!by_tuples) {
    return ElementPlaces(indices, indices_shape, shape,
                         node.attribute<int64_t>("axis"));
  }
  return TuplePlaces(indices, std::span(shape).first(
                                  static_cast<size_t>(indices_shape.back())));
}

// Of GatherND: each batch has tuples of its own.
absl::StatusOr<std::vector<int64_t>> BatchedPlaces(const Folding& node) {
  const auto batch_dims =
      static_cast<size_t>(node.attribute<int64_t>("batch_dims"));
  const std::vector<int64_t>& shape = *node.input(0).shape;
  const auto length = static_cast<size_t>(node.input(1).shape->back());
  const std::span<const int64_t> within =
      std::span(shape).subspan(batch_dims, length);
  ASSIGN_OR_RETURN(const std::vector<int64_t> indices, node.Load<int64_t>(1));
  ASSIGN_OR_RETURN(std::vector<int64_t> places, TuplePlaces(indices, within));
  const auto batches =
      static_cast<size_t>(CountOf(std::span(shape).first(batch_dims)));
  const size_t of_batch = batches == 0 ? 1 : places.size() / batches;
  for (size_t i = 0; i < places.size(); ++i) {
    places[i] += static_cast<int64_t>(i / of_batch) * CountOf(within);
  }
  return places;
}

// Elements behind one place, counted from how many there are altogether.
size_t PieceBytes(size_t bytes, size_t pieces) {
  return pieces == 0 ? 0 : bytes / pieces;
}

absl::StatusOr<Constant> Picked(const Folding& node,
                                const std::vector<int64_t>& places) {
  ASSIGN_OR_RETURN(const std::vector<std::byte> from, node.LoadBytes(0));
  ASSIGN_OR_RETURN(Constant to, node.HoldZeros());
  const size_t piece = PieceBytes(to.held.size(), places.size());
  for (size_t i = 0; i < places.size() && piece > 0; ++i) {
    std::memcpy(to.held.data() + i * piece,
                from.data() + static_cast<size_t>(places[i]) * piece, piece);
  }
  return to;
}

// What an element and an update of it become.
template <typename T>
T Joined(const std::string& reduction, T a, T b) {
  const auto left = static_cast<Wrapped<T>>(a);
  const auto right = static_cast<Wrapped<T>>(b);
  if (reduction == "add") return static_cast<T>(left + right);
  if (reduction == "mul") return static_cast<T>(left * right);
  return (reduction == "max" ? a > b : a < b) || a != a ? a : b;
}

template <typename T>
absl::StatusOr<Constant> PutTogether(const Folding& node, bool by_tuples) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> places, Places(node, by_tuples));
  ASSIGN_OR_RETURN(std::vector<T> to, node.Load<T>(0));
  ASSIGN_OR_RETURN(const std::vector<T> updates, node.Load<T>(2));
  const auto& reduction = node.attribute<std::string>("reduction");
  for (size_t i = 0; i < updates.size(); ++i) {
    const size_t piece = updates.size() / places.size();
    T& at = to[static_cast<size_t>(places[i / piece]) * piece + i % piece];
    at = Joined(reduction, at, updates[i]);
  }
  return node.Hold(std::span<const T>(to));
}

absl::StatusOr<Constant> Put(const Folding& node, bool by_tuples) {
  if (node.attribute<std::string>("reduction") != "none") {
    return IsFloating(*node.output().dtype)
               ? PutTogether<double>(node, by_tuples)
               : PutTogether<int64_t>(node, by_tuples);
  }
  ASSIGN_OR_RETURN(const std::vector<int64_t> places, Places(node, by_tuples));
  ASSIGN_OR_RETURN(const std::vector<std::byte> updates, node.LoadBytes(2));
  ASSIGN_OR_RETURN(Constant to, node.HoldZeros());
  ASSIGN_OR_RETURN(to.held, node.LoadBytes(0));
  const size_t piece = PieceBytes(updates.size(), places.size());
  for (size_t i = 0; i < places.size() && piece > 0; ++i) {
    std::memcpy(to.held.data() + static_cast<size_t>(places[i]) * piece,
                updates.data() + i * piece, piece);
  }
  return to;
}

}  // namespace

absl::StatusOr<Constant> FoldCumSum(const Folding& node) {
  if (IsFloating(*node.output().dtype)) return Summed<double>(node);
  return Summed<int64_t>(node);
}

absl::StatusOr<Constant> FoldEyeLike(const Folding& node) {
  const std::vector<int64_t>& shape = *node.output().shape;
  ASSIGN_OR_RETURN(Constant to, node.HoldZeros());
  const int64_t k = node.attribute<int64_t>("k");
  const int64_t one = 1;
  const size_t element_bytes = SizeOf(to.dtype);
  for (int64_t row = 0; row < shape[0]; ++row) {
    if (k < -row || k >= shape[1] - row) continue;
    const auto at = static_cast<size_t>(row * shape[1] + row + k);
    StoreElements(std::span(&one, 1), to.dtype,
                  to.held.data() + at * element_bytes);
  }
  return to;
}

absl::StatusOr<Constant> FoldGatherElements(const Folding& node) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> places,
                   Places(node, /*by_tuples=*/false));
  return Picked(node, places);
}

absl::StatusOr<Constant> FoldGatherNd(const Folding& node) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> places, BatchedPlaces(node));
  return Picked(node, places);
}

absl::StatusOr<Constant> FoldScatterElements(const Folding& node) {
  return Put(node, /*by_tuples=*/false);
}

absl::StatusOr<Constant> FoldScatterNd(const Folding& node) {
  return Put(node, /*by_tuples=*/true);
}

// One row of places for each dimension, in the order of the elements.
absl::StatusOr<Constant> FoldNonZero(const Folding& node) {
  ASSIGN_OR_RETURN(const std::vector<float> elements, node.Load<float>(0));
  const int64_t count = (*node.output().shape)[1];
  const std::vector<int64_t>& shape = *node.input(0).shape;
  std::vector<int64_t> places(
      static_cast<size_t>((*node.output().shape)[0] * count), 0);
  const char* const changed = "its input changed while it was read";
  int64_t found = 0;
  for (size_t i = 0; i < elements.size(); ++i) {
    if (elements[i] == 0) continue;
    if (found == count) return node.Invalid(changed);
    auto rest = static_cast<int64_t>(i);
    for (size_t d = shape.size(); d-- > 0; rest /= shape[d]) {
      places[d * static_cast<size_t>(count) + static_cast<size_t>(found)] =
          rest % shape[d];
    }
    ++found;
  }
  if (found != count) return node.Invalid(changed);
  return node.Hold(std::span<const int64_t>(places));
}

}  // namespace layerd
