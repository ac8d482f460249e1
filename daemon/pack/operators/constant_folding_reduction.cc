// Activations and reductions of constants: f32 as at run time, by way of
// double.

#include <algorithm>
#include <limits>

#include "config/status_macros.h"
#include "daemon/pack/graph/activation_for.h"
#include "daemon/pack/graph/broadcast.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/operators/constant_folding.h"
#include "kernels/reference/loops.h"

namespace layerd {
namespace {

// y = f(y, x) for all x of one y, from `first` on.
template <typename T, typename F>
std::vector<T> Reduced(const Folding& node, const std::vector<T>& from, T first,
                       F f) {
  const std::vector<int64_t>& shape = *node.input(0).shape;
  const auto& axes = node.attribute<std::vector<int64_t>>("axes");
  std::vector<int64_t> kept = shape;
  for (const int64_t axis : axes) kept[static_cast<size_t>(axis)] = 1;
  std::vector<T> to(static_cast<size_t>(*ElementCount(kept)), first);
  StridedWalk walk(shape, {BroadcastStrides(kept, shape)});
  for (const T element : from) {
    T& sum = to[static_cast<size_t>(walk.offset(0))];
    sum = f(sum, element);
    walk.Step();
  }
  return to;
}

// Below all elements, infinite ones too; and above all.
template <typename T>
T Lowest() {
  using Limits = std::numeric_limits<T>;
  return Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
}
template <typename T>
T Highest() {
  using Limits = std::numeric_limits<T>;
  return Limits::has_infinity ? Limits::infinity() : Limits::max();
}

template <typename T>
absl::StatusOr<Constant> ReduceElements(const Folding& node) {
  ASSIGN_OR_RETURN(const std::vector<T> from, node.Load<T>(0));
  const std::string& op_type = node.node().op_type;
  std::vector<T> to;
  if (op_type == "ReduceProd") {
    to = Reduced<T>(node, from, 1, [](T a, T b) {
      return static_cast<T>(static_cast<Wrapped<T>>(a) *
                            static_cast<Wrapped<T>>(b));
    });
  } else if (op_type == "ReduceMax") {
    to = Reduced<T>(node, from, Lowest<T>(),
                    [](T a, T b) { return a > b || a != a ? a : b; });
  } else if (op_type == "ReduceMin") {
    to = Reduced<T>(node, from, Highest<T>(),
                    [](T a, T b) { return a < b || a != a ? a : b; });
  } else {
    to = Reduced<T>(node, from, 0, [](T a, T b) {
      return static_cast<T>(static_cast<Wrapped<T>>(a) +
                            static_cast<Wrapped<T>>(b));
    });
  }
  if (op_type == "ReduceMean") {
    const T count = static_cast<T>(from.size()) / static_cast<T>(to.size());
    for (T& sum : to) sum /= count;
  }
  return node.Hold(std::span<const T>(to));
}

absl::StatusOr<Constant> IntegerActivation(const Folding& node,
                                           ActivationKind kind) {
  if (*node.output().dtype == DataType::kU64) {
    return node.Unsupported("arithmetic on UINT64 is not supported");
  }
  ASSIGN_OR_RETURN(std::vector<int64_t> elements, node.Load<int64_t>(0));
  for (int64_t& element : elements) {
    if (kind == ActivationKind::kSign) {
      element = element < 0 ? -1 : element > 0 ? 1 : 0;
    } else if (kind == ActivationKind::kRelu) {
      element = std::max<int64_t>(element, 0);
    } else if (kind == ActivationKind::kAbs) {
      const auto size = static_cast<uint64_t>(element);
      element = static_cast<int64_t>(element < 0 ? -size : size);
    } else {
      return node.Unsupported("it computes with integers");
    }
  }
  return node.Hold(std::span<const int64_t>(elements));
}

}  // namespace

absl::StatusOr<Constant> FoldActivation(const Folding& node) {
  const Activation activation = *ActivationFor(node.node());
  if (!IsFloating(*node.output().dtype)) {
    return IntegerActivation(node, activation.kind);
  }
  ASSIGN_OR_RETURN(std::vector<double> elements, node.Load<double>(0));
  for (double& element : elements) {
    element = reference::Activate(activation, element);
  }
  return node.Hold(std::span<const double>(elements));
}

absl::StatusOr<Constant> FoldReduce(const Folding& node) {
  if (IsFloating(*node.output().dtype)) return ReduceElements<double>(node);
  if (*node.output().dtype == DataType::kU64) {
    return ReduceElements<uint64_t>(node);
  }
  return ReduceElements<int64_t>(node);
}

}  // namespace layerd
