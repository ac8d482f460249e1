#ifndef LAYERD_DAEMON_PACK_OPERATORS_NODE_CONTEXT_H_
#define LAYERD_DAEMON_PACK_OPERATORS_NODE_CONTEXT_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/pack/graph/graph.h"
#include "daemon/pack/onnx/allowance.h"

namespace layerd {

// One node while its shapes are inferred and its attributes are brought into
// the one form that passes know (README.md has the list).
//
// Attributes are *taken*: what nobody took when inference is done is unknown,
// and refused rather than ignored, for it may change the answer. What is *set*
// stays with the node.
//
// REQUIRES: every input has a dtype and a shape.
// Ownership: graph and node are loans.
class NodeContext {
 public:
  NodeContext(Graph* graph, Node* node);

  const Graph& graph() const { return *graph_; }
  const Node& node() const { return *node_; }
  int64_t opset() const { return node_->opset; }

  size_t input_count() const { return node_->inputs.size(); }
  bool has_input(size_t i) const;
  bool uses_output(size_t i) const;
  // REQUIRES: has_input(i), like all that follow.
  const std::vector<int64_t>& shape(size_t i) const;
  int64_t rank(size_t i) const;
  DataType dtype(size_t i) const;
  const Constant* constant(size_t i) const;  // Null: not known while packing.

  // An input that is a parameter in truth: axes, pads, a shape.
  // Errors: UNIMPLEMENTED if it is not known while packing; INVALID_ARGUMENT
  //         if it has another type, or more than 2^16 elements.
  absl::StatusOr<std::vector<int64_t>> Ints(size_t i, const char* what) const;
  absl::StatusOr<float> Scalar(size_t i, const char* what) const;
  // One element, of rank 0 or 1.
  bool IsScalar(size_t i) const;
  // For opsets in which what comes later was an attribute.
  absl::Status CheckInputCount(size_t most) const;
  // For inputs that became attributes.
  void KeepInputs(size_t count);
  // For one of a list that adds nothing.
  void DropInput(size_t i);

  // Errors: INVALID_ARGUMENT if it has another type, or if it is not there and
  //         there is no default.
  absl::StatusOr<int64_t> TakeInt(const char* name,
                                  std::optional<int64_t> otherwise);
  absl::StatusOr<float> TakeFloat(const char* name,
                                  std::optional<float> otherwise);
  absl::StatusOr<std::string> TakeString(const char* name,
                                         const char* otherwise);
  // UNIMPLEMENTED for any other than those known.
  absl::StatusOr<std::string> TakeOneOf(const char* name, const char* otherwise,
                                        const std::vector<std::string>& known);
  absl::StatusOr<std::vector<int64_t>> TakeInts(
      const char* name, std::optional<std::vector<int64_t>> otherwise);
  // `count` numbers, each at least `least` and of a size that windows have.
  absl::StatusOr<std::vector<int64_t>> TakeSizes(
      const char* name, size_t count, int64_t least,
      std::vector<int64_t> otherwise);
  // Of any type; nothing if it is not there.
  std::optional<AttributeValue> Take(const char* name);

  void Set(const char* name, AttributeValue value);

  // Errors: INVALID_ARGUMENT for a negative dimension or too many elements.
  absl::Status SetOutput(size_t i, DataType dtype, std::vector<int64_t> shape);
  // Output 0 is input 0: the node does nothing and will be taken out.
  absl::Status SetOutputToInput();
  bool is_alias() const { return is_alias_; }
  // Output i is known while packing, and the node no longer writes it.
  absl::Status SetOutputToConstant(size_t i, Constant constant);

  // In [0, rank).
  absl::StatusOr<int64_t> Axis(int64_t axis, int64_t rank) const;
  // Sorted, each once.
  absl::StatusOr<std::vector<int64_t>> Axes(std::vector<int64_t> axes,
                                            int64_t rank) const;

  // REQUIRES: called once, when the node's operator has taken what it knows.
  absl::Status CheckAllTaken() const;

  absl::Status Invalid(std::string_view why) const;
  absl::Status Unsupported(std::string_view why) const;

 private:
  absl::Status WrongType(const char* name) const;
  const Value& input(size_t i) const;

  Graph* graph_;
  Node* node_;
  std::map<std::string, AttributeValue> untaken_;
  bool is_alias_ = false;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_OPERATORS_NODE_CONTEXT_H_
