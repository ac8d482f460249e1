// What makes elements out of shapes and parameters.

#include <cstring>

#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/operators/constant_folding.h"
#include "kernels/tensor.h"

namespace layerd {
namespace {

// first, first + delta, ... as often as the output has elements. `Sum` is the
// type that adds: integers in a hostile file may wrap, so theirs is unsigned.
template <typename T, typename Sum>
absl::StatusOr<Constant> Steps(const Folding& node) {
  ASSIGN_OR_RETURN(const std::vector<T> first, node.Load<T>(0));
  ASSIGN_OR_RETURN(const std::vector<T> delta, node.Load<T>(2));
  std::vector<T> elements(static_cast<size_t>((*node.output().shape)[0]));
  for (size_t i = 0; i < elements.size(); ++i) {
    elements[i] =
        static_cast<T>(static_cast<Sum>(first[0]) +
                       static_cast<Sum>(i) * static_cast<Sum>(delta[0]));
  }
  return node.Hold(std::span<const T>(elements));
}

}  // namespace

absl::StatusOr<Constant> FoldConstant(const Folding& node) {
  return node.attribute<Constant>("value");
}

absl::StatusOr<Constant> FoldConstantOfShape(const Folding& node) {
  ASSIGN_OR_RETURN(const std::vector<std::byte> element,
                   node.graph().ReadBytes(node.attribute<Constant>("value")));
  ASSIGN_OR_RETURN(Constant to, node.HoldZeros());
  for (size_t at = 0; at < to.held.size(); at += element.size()) {
    std::memcpy(to.held.data() + at, element.data(), element.size());
  }
  return to;
}

absl::StatusOr<Constant> FoldRange(const Folding& node) {
  if (IsFloating(*node.output().dtype)) return Steps<double, double>(node);
  return Steps<int64_t, uint64_t>(node);
}

absl::StatusOr<Constant> FoldShape(const Folding& node) {
  const std::vector<int64_t>& shape = *node.input(0).shape;
  const std::span<const int64_t> all(shape);
  const auto start = static_cast<size_t>(node.attribute<int64_t>("start"));
  const auto end = static_cast<size_t>(node.attribute<int64_t>("end"));
  return node.Hold(all.subspan(start, end - start));
}

absl::StatusOr<Constant> FoldSize(const Folding& node) {
  const int64_t count = *ElementCount(*node.input(0).shape);
  return node.Hold(std::span<const int64_t>(&count, 1));
}

}  // namespace layerd
