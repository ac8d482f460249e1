#include "daemon/pack/lower/turned_outputs.h"

#include <cstddef>
#include <variant>

#include "daemon/pack/lower/memory_need.h"
#include "daemon/pack/lower/strided_view.h"

namespace layerd {
namespace {

using Shape = std::vector<int64_t>;

// Who alone reads `value`; null if there are others, or it is an answer.
const Operation* OnlyReader(const Network& network, const Uses& uses,
                            int value) {
  if (uses.count[value] != 1 || uses.is_output[value]) return nullptr;
  return &network.nodes[uses.last[value]];
}

// Strides with which a value of `shape` is row-major once it is turned.
Shape StridesBefore(const Shape& permutation, const Shape& shape) {
  Shape turned;
  for (const int64_t d : permutation) turned.push_back(shape[d]);
  const Shape plain = PlainStrides(turned);
  Shape strides(shape.size());
  for (size_t i = 0; i < shape.size(); ++i) strides[permutation[i]] = plain[i];
  return strides;
}

// Whether a row-major value, turned, would have to be copied for `wanted`.
bool IsCopied(const Shape& permutation, const Shape& shape,
              const Shape& wanted) {
  const Shape plain = PlainStrides(shape);
  TensorType turned;
  for (const int64_t d : permutation) {
    turned.shape.push_back(shape[d]);
    turned.strides.push_back(plain[d]);
  }
  return !ReshapedStrides(turned, wanted).has_value();
}

Shape TurnedStrides(const Network& network, const Uses& uses,
                    const Operation& producer) {
  const bool turns =
      OperatorOf<MatMul>(producer) != nullptr || WritesAnyOrder(producer);
  const Operation* reader = OnlyReader(network, uses, producer.output);
  if (!turns || reader == nullptr) return {};
  const auto* transpose = std::get_if<Transpose>(&reader->op);
  if (transpose == nullptr) return {};
  const Operation* joins = OnlyReader(network, uses, reader->output);
  if (joins == nullptr || !std::holds_alternative<Reshape>(joins->op)) {
    return {};
  }
  const Shape& permutation = transpose->permutation;
  const Shape& shape = network.values[producer.output].shape;
  const Shape& wanted = network.values[joins->output].shape;
  const bool keeps_rows =
      permutation.back() == static_cast<int64_t>(permutation.size()) - 1;
  if (!keeps_rows || !IsCopied(permutation, shape, wanted)) return {};
  return StridesBefore(permutation, shape);
}

}  // namespace

std::vector<Shape> ChooseTurnedOutputs(const Network& network,
                                       const Uses& uses) {
  std::vector<Shape> strides(network.values.size());
  for (const Operation& node : network.nodes) {
    strides[node.output] = TurnedStrides(network, uses, node);
  }
  return strides;
}

}  // namespace layerd
