// Where elements move: bytes are copied, whatever they mean.

#include <cstring>
#include <span>
#include <utility>

#include "config/status_macros.h"
#include "daemon/pack/graph/broadcast.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/operators/constant_folding.h"
#include "kernels/tensor.h"

namespace layerd {
namespace {

// output[i] = input 0 [first + walk(i)].
absl::StatusOr<Constant> Pick(const Folding& node, int64_t first,
                              std::vector<int64_t> strides) {
  ASSIGN_OR_RETURN(const std::vector<std::byte> from, node.LoadBytes(0));
  ASSIGN_OR_RETURN(Constant to, node.HoldZeros());
  const size_t element_bytes = SizeOf(to.dtype);
  StridedWalk walk(to.shape, {std::move(strides)});
  for (size_t at = 0; at < to.held.size(); at += element_bytes) {
    const auto element = static_cast<size_t>(first + walk.offset(0));
    std::memcpy(to.held.data() + at, from.data() + element * element_bytes,
                element_bytes);
    walk.Step();
  }
  return to;
}

// A block of `bytes` from one place to another; either may be empty.
void Copy(const std::byte* from, std::byte* to, size_t bytes) {
  if (bytes > 0) std::memcpy(to, from, bytes);
}

}  // namespace

absl::StatusOr<Constant> FoldReshape(const Folding& node) {
  const Constant& from = node.constant(0);
  if (from.file >= 0) {
    RETURN_IF_ERROR(node.TakeHeld(from.held_bytes()));
    Constant to = from;
    to.shape = *node.output().shape;
    return to;
  }
  ASSIGN_OR_RETURN(Constant to, node.HoldZeros());
  ASSIGN_OR_RETURN(to.held, node.LoadBytes(0));
  return to;
}

absl::StatusOr<Constant> FoldTranspose(const Folding& node) {
  const std::vector<int64_t> from = PlainStrides(*node.input(0).shape);
  std::vector<int64_t> strides;
  for (const int64_t axis : node.attribute<std::vector<int64_t>>("perm")) {
    strides.push_back(from[static_cast<size_t>(axis)]);
  }
  return Pick(node, 0, std::move(strides));
}

absl::StatusOr<Constant> FoldSlice(const Folding& node) {
  const auto& starts = node.attribute<std::vector<int64_t>>("starts");
  const auto& steps = node.attribute<std::vector<int64_t>>("steps");
  std::vector<int64_t> strides = PlainStrides(*node.input(0).shape);
  int64_t first = 0;
  for (size_t i = 0; i < strides.size(); ++i) {
    first += starts[i] * strides[i];
    strides[i] *= steps[i];
  }
  return Pick(node, first, std::move(strides));
}

absl::StatusOr<Constant> FoldExpand(const Folding& node) {
  return Pick(node, 0,
              BroadcastStrides(*node.input(0).shape, *node.output().shape));
}

absl::StatusOr<Constant> FoldTile(const Folding& node) {
  ASSIGN_OR_RETURN(const std::vector<std::byte> from, node.LoadBytes(0));
  ASSIGN_OR_RETURN(Constant to, node.HoldZeros());
  const std::vector<int64_t>& shape = *node.input(0).shape;
  const std::vector<int64_t> strides = PlainStrides(shape);
  const size_t element_bytes = SizeOf(to.dtype);
  for (size_t at = 0; at < to.held.size() / element_bytes; ++at) {
    auto rest = static_cast<int64_t>(at);
    int64_t element = 0;
    for (size_t d = shape.size(); d-- > 0; rest /= to.shape[d]) {
      element += rest % to.shape[d] % shape[d] * strides[d];
    }
    std::memcpy(to.held.data() + at * element_bytes,
                from.data() + static_cast<size_t>(element) * element_bytes,
                element_bytes);
  }
  return to;
}

absl::StatusOr<Constant> FoldConcat(const Folding& node) {
  ASSIGN_OR_RETURN(Constant to, node.HoldZeros());
  const auto axis = static_cast<size_t>(node.attribute<int64_t>("axis"));
  const auto outer =
      static_cast<size_t>(CountOf(std::span(to.shape).first(axis)));
  const size_t row_bytes =
      static_cast<size_t>(CountOf(std::span(to.shape).subspan(axis))) *
      SizeOf(to.dtype);
  size_t at = 0;
  for (size_t i = 0; i < node.node().inputs.size(); ++i) {
    ASSIGN_OR_RETURN(const std::vector<std::byte> from, node.LoadBytes(i));
    const size_t piece_bytes = outer == 0 ? 0 : from.size() / outer;
    for (size_t row = 0; row < outer; ++row) {
      Copy(from.data() + row * piece_bytes,
           to.held.data() + row * row_bytes + at, piece_bytes);
    }
    at += piece_bytes;
  }
  return to;
}

absl::StatusOr<Constant> FoldGather(const Folding& node) {
  ASSIGN_OR_RETURN(const std::vector<std::byte> from, node.LoadBytes(0));
  ASSIGN_OR_RETURN(const std::vector<int64_t> indices, node.Load<int64_t>(1));
  ASSIGN_OR_RETURN(Constant to, node.HoldZeros());
  const std::vector<int64_t>& shape = *node.input(0).shape;
  const auto axis = static_cast<size_t>(node.attribute<int64_t>("axis"));
  const int64_t dimension = shape[axis];
  const auto outer = static_cast<size_t>(CountOf(std::span(shape).first(axis)));
  const size_t piece_bytes =
      static_cast<size_t>(CountOf(std::span(shape).subspan(axis + 1))) *
      SizeOf(to.dtype);
  std::byte* at = to.held.data();
  for (size_t row = 0; row < outer; ++row) {
    for (const int64_t index : indices) {
      if (index < -dimension || index >= dimension) {
        return node.Invalid("an index is outside of the dimension");
      }
      const auto i = static_cast<size_t>(index < 0 ? index + dimension : index);
      const size_t first = (row * static_cast<size_t>(dimension) + i);
      Copy(from.data() + first * piece_bytes, at, piece_bytes);
      if (piece_bytes > 0) at += piece_bytes;
    }
  }
  return to;
}

absl::StatusOr<Constant> FoldWhere(const Folding& node) {
  ASSIGN_OR_RETURN(const std::vector<std::byte> condition, node.LoadBytes(0));
  ASSIGN_OR_RETURN(const std::vector<std::byte> yes, node.LoadBytes(1));
  ASSIGN_OR_RETURN(const std::vector<std::byte> no, node.LoadBytes(2));
  ASSIGN_OR_RETURN(Constant to, node.HoldZeros());
  const size_t element_bytes = SizeOf(to.dtype);
  std::vector<std::vector<int64_t>> strides;
  for (size_t i = 0; i < 3; ++i) {
    strides.push_back(BroadcastStrides(*node.input(i).shape, to.shape));
  }
  StridedWalk walk(to.shape, std::move(strides));
  for (size_t at = 0; at < to.held.size(); at += element_bytes) {
    const bool is_yes =
        condition[static_cast<size_t>(walk.offset(0))] != std::byte{0};
    const std::byte* from = is_yes ? yes.data() : no.data();
    const auto element = static_cast<size_t>(walk.offset(is_yes ? 1 : 2));
    std::memcpy(to.held.data() + at, from + element * element_bytes,
                element_bytes);
    walk.Step();
  }
  return to;
}

}  // namespace layerd
