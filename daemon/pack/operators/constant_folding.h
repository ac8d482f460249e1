#ifndef LAYERD_DAEMON_PACK_OPERATORS_CONSTANT_FOLDING_H_
#define LAYERD_DAEMON_PACK_OPERATORS_CONSTANT_FOLDING_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/pack/graph/graph.h"
#include "daemon/pack/onnx/allowance.h"

namespace layerd {

// Integers wrap as they do at run time; in C++ only unsigned ones may.
template <typename T>
using Wrapped = std::conditional_t<std::is_integral_v<T>, uint64_t, T>;

// A node whose output is known while packing, after inference brought its
// attributes into one form.
//
// Ownership: all pointers are loans.
class Folding {
 public:
  Folding(const Graph* graph, const Node* node, Allowance* held_bytes)
      : graph_(graph), node_(node), held_bytes_(held_bytes) {}

  const Graph& graph() const { return *graph_; }
  const Node& node() const { return *node_; }
  const Value& input(size_t i) const;
  // REQUIRES: the input is known.
  const Constant& constant(size_t i) const;
  const Value& output() const;

  template <typename T>
  const T& attribute(const char* name) const {
    return std::get<T>(node_->attributes.at(name));
  }

  // RESOURCE_EXHAUSTED if an input's elements would take too much memory, at
  // `element_bytes` each: asked before they are read.
  absl::Status CheckFits(size_t i, size_t element_bytes) const;

  // All elements of an input, widened to T: int64_t, float or double; those
  // of U64 are uint64_t.
  template <typename T>
  absl::StatusOr<std::vector<T>> Load(size_t i) const;

  // All elements of an input, as its dtype stores them: a constant that was
  // cast in place or is quantised is stored in another type than it means.
  absl::StatusOr<std::vector<std::byte>> LoadBytes(size_t i) const;

  // The output, as its dtype stores `elements`.
  template <typename T>
  absl::StatusOr<Constant> Hold(std::span<const T> elements) const;
  // RESOURCE_EXHAUSTED if what a constant holds is more than is left.
  absl::Status TakeHeld(uint64_t bytes) const;
  // The output with room for its elements, zeroed.
  absl::StatusOr<Constant> HoldZeros() const;

  absl::Status Invalid(const char* why) const;
  absl::Status Unsupported(const char* why) const;

 private:
  const Graph* graph_;
  const Node* node_;
  Allowance* held_bytes_;
};

// Of U64, whose bits an int64_t has.
template <>
absl::StatusOr<std::vector<uint64_t>> Folding::Load(size_t i) const;
template <>
absl::StatusOr<Constant> Folding::Hold(
    std::span<const uint64_t> elements) const;

// One function for each operator, as in shape_inference.h.
//
// REQUIRES: all inputs are constants (FoldShape, FoldSize: have a shape), and
//           inference of the node succeeded.
// Errors: INVALID_ARGUMENT (an index outside, a division by zero),
//         UNIMPLEMENTED (a type), RESOURCE_EXHAUSTED, or of reading.

// constant_folding_quantised.cc
absl::StatusOr<Constant> FoldDequantizeLinear(const Folding& node);
// Bytes in the file that a Cast makes floating, as numbers in steps of one:
// they stay where they are. Nothing for all else.
std::optional<Constant> InStepsOfOne(const Constant& bytes, DataType to);
// Whether it is a Mul that gives such numbers their scales or a Sub that takes
// zero points off, all one or one for each place along an axis: weights of
// eight bits whose file spells DequantizeLinear out.
bool KeepsSteps(const Folding& node);
absl::StatusOr<Constant> FoldMul(const Folding& node);
absl::StatusOr<Constant> FoldSub(const Folding& node);

// constant_folding_elementwise.cc
absl::StatusOr<Constant> FoldAdd(const Folding& node);
absl::StatusOr<Constant> FoldDifference(const Folding& node);
absl::StatusOr<Constant> FoldProduct(const Folding& node);
absl::StatusOr<Constant> FoldDiv(const Folding& node);
absl::StatusOr<Constant> FoldMin(const Folding& node);
absl::StatusOr<Constant> FoldMax(const Folding& node);
absl::StatusOr<Constant> FoldEqual(const Folding& node);
absl::StatusOr<Constant> FoldLess(const Folding& node);
absl::StatusOr<Constant> FoldGreater(const Folding& node);
absl::StatusOr<Constant> FoldNeg(const Folding& node);
absl::StatusOr<Constant> FoldNot(const Folding& node);
absl::StatusOr<Constant> FoldLessOrEqual(const Folding& node);
absl::StatusOr<Constant> FoldGreaterOrEqual(const Folding& node);
absl::StatusOr<Constant> FoldAnd(const Folding& node);
absl::StatusOr<Constant> FoldOr(const Folding& node);
absl::StatusOr<Constant> FoldXor(const Folding& node);
absl::StatusOr<Constant> FoldPow(const Folding& node);
absl::StatusOr<Constant> FoldMod(const Folding& node);
absl::StatusOr<Constant> FoldCast(const Folding& node);

// constant_folding_reduction.cc
absl::StatusOr<Constant> FoldActivation(const Folding& node);
absl::StatusOr<Constant> FoldReduce(const Folding& node);

// constant_folding_layout.cc: where elements move. What only changes the shape
// leaves a constant in its file.
absl::StatusOr<Constant> FoldReshape(const Folding& node);
absl::StatusOr<Constant> FoldTranspose(const Folding& node);
absl::StatusOr<Constant> FoldConcat(const Folding& node);
absl::StatusOr<Constant> FoldGather(const Folding& node);
absl::StatusOr<Constant> FoldSlice(const Folding& node);
absl::StatusOr<Constant> FoldExpand(const Folding& node);
absl::StatusOr<Constant> FoldTile(const Folding& node);
absl::StatusOr<Constant> FoldWhere(const Folding& node);

// constant_folding_index.cc: where single elements are picked, put or summed.
absl::StatusOr<Constant> FoldCumSum(const Folding& node);
absl::StatusOr<Constant> FoldEyeLike(const Folding& node);
absl::StatusOr<Constant> FoldNonZero(const Folding& node);
absl::StatusOr<Constant> FoldGatherElements(const Folding& node);
absl::StatusOr<Constant> FoldGatherNd(const Folding& node);
absl::StatusOr<Constant> FoldScatterElements(const Folding& node);
absl::StatusOr<Constant> FoldScatterNd(const Folding& node);

// constant_folding_shape.cc: what makes elements out of shapes.
absl::StatusOr<Constant> FoldConstant(const Folding& node);
absl::StatusOr<Constant> FoldConstantOfShape(const Folding& node);
absl::StatusOr<Constant> FoldRange(const Folding& node);
absl::StatusOr<Constant> FoldShape(const Folding& node);
absl::StatusOr<Constant> FoldSize(const Folding& node);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_OPERATORS_CONSTANT_FOLDING_H_
