#ifndef LAYERD_DAEMON_PACK_NETWORK_NETWORK_H_
#define LAYERD_DAEMON_PACK_NETWORK_NETWORK_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "daemon/pack/graph/graph.h"
#include "kernels/operator.h"
#include "kernels/tensor.h"

namespace layerd {

// Weights of one layer as they will be stored: either held numbers, or a
// constant of the graph seen through scales and another order. Passes change
// what is seen; nothing is read before it is written, range by range. So no
// pass ever holds the weights of a layer.
//
// Element [o, i, ...] is constant[o, i, ...] * output_scale[o] *
// input_scale[i] (with groups: i counts through all groups).
struct Weight {
  std::vector<int64_t> shape;  // [O, I / groups, spatial...], [N, K] or any.
  // As it is computed with: f32, f64, or what elements that only move are.
  DataType dtype = DataType::kF32;
  std::vector<float> held;             // If constant < 0, or:
  std::vector<int64_t> held_integers;  // of i64.
  int constant = -1;                   // Into Graph::constants.
  // The constant is [K, N], or [I, O / groups, spatial...].
  bool transposed = false;
  // Of a fully connected layer behind a picture of so many channels that lies
  // channels-last: its columns, C x pixels in the constant, become pixels x C.
  int64_t picture_channels = 0;
  std::vector<float> output_scale, input_scale;  // Empty: all 1.
  // Chosen last (weight_storage.h). A scaled weight has scales stored behind
  // the layer's other weights.
  DataType stored = DataType::kF32;
  bool scaled = false;

  static Weight Of(int constant, std::vector<int64_t> shape,
                   DataType dtype = DataType::kF32);
  static Weight Vector(std::vector<float> held);
  static Weight Integers(std::vector<int64_t> held);
};

// What moves no numbers, or need not.
struct Reshape {};
struct Transpose {
  std::vector<int64_t> permutation;
};
struct Concat {
  int64_t axis = 0;
};
// Of each dimension the elements start, start + step, ...: as many as the
// output has. Steps are positive.
struct Slice {
  std::vector<int64_t> starts, steps;
};
// Repeats what has size 1 until it is as long as the output.
struct Expand {};

using NetworkOperator =
    std::variant<Operator, Reshape, Transpose, Concat, Slice, Expand>;

// One node of a network: one operator, or a change of what is seen.
struct Operation {
  std::string name;         // Of the ONNX node it came from.
  std::string description;  // `node "conv7" (Conv, opset 13)`, for errors.
  NetworkOperator op;
  std::vector<int> inputs;
  int output = -1;
  std::vector<Weight> weights;  // In the operator's order.
};

// A graph in layerd's own operators, between ONNX and the program: what the
// passes fold and fuse, and lowering gives memory.
//
// Values below Graph::values.size() are the graph's own, by the same index.
// f16 and bf16 are f32 here, and integers are i64 where they are computed with;
// the graph's inputs and outputs keep theirs until lowering adds the casts.
//
// Ownership: `graph` is a loan and outlives the network.
// Threading: one thread.
struct Network {
  struct Value {
    std::string name;
    DataType dtype = DataType::kF32;
    std::vector<int64_t> shape;
    int constant = -1;  // Into Graph::constants.
  };
  const Graph* graph = nullptr;
  std::vector<Value> values;
  std::vector<Operation> nodes;  // In topological order.
  std::vector<int> inputs, outputs;
};

// The operator of type T that `node` is, or null.
template <typename T>
T* OperatorOf(Operation& node) {
  Operator* op = std::get_if<Operator>(&node.op);
  return op == nullptr ? nullptr : std::get_if<T>(op);
}
template <typename T>
const T* OperatorOf(const Operation& node) {
  return OperatorOf<T>(const_cast<Operation&>(node));
}

// Its activation, or null if the operator has none.
Activation* ActivationOf(Operation& node);

// Who makes and who needs the values of a network. True until it changes.
struct Uses {
  explicit Uses(const Network& network);

  std::vector<int> producer;  // Node of each value; -1: an input or constant.
  std::vector<int> count;     // Of uses by nodes, and by the outputs.
  std::vector<int> last;      // Node; -1: none.
  std::vector<bool> is_output;
};

// Drops nodes whose output nobody needs.
void RemoveDeadNodes(Network* network);

// The elements of `constant` as f32, or of the held numbers.
absl::StatusOr<std::vector<float>> ReadAll(const Network& network,
                                           const Weight& weight);

// One line a node: `y = Convolution(x, w[8, 3, 1, 1], bias[8]) Relu`.
std::string ToString(const Network& network);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_NETWORK_NETWORK_H_
