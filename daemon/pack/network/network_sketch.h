#ifndef LAYERD_DAEMON_PACK_NETWORK_NETWORK_SKETCH_H_
#define LAYERD_DAEMON_PACK_NETWORK_NETWORK_SKETCH_H_

#include <concepts>
#include <cstdint>
#include <string>
#include <vector>

#include "daemon/pack/graph/graph.h"
#include "daemon/pack/network/network.h"

namespace layerd {

// Draws networks for tests of passes, operator by operator. A value is called
// like the node that makes it; names are given, or v0, v1, ...
//
// Ownership: the network is a loan of the sketch.
class NetworkSketch {
 public:
  using Shape = std::vector<int64_t>;

  NetworkSketch() { network_.graph = &graph_; }
  NetworkSketch(const NetworkSketch&) = delete;

  int Input(const std::string& name, Shape shape,
            DataType dtype = DataType::kF32);
  void Output(int value);
  // What comes next is called so.
  NetworkSketch& As(const std::string& name) {
    next_name_ = name;
    return *this;
  }

  int Activate(int x, Activation activation);
  int Activate(int x, ActivationKind kind) {
    return Activate(x, Activation{kind, 0, 0});
  }
  // Broadcast. A template, lest numbers in braces become an int.
  template <std::same_as<int> Value>
  int Combine(int a, Binary::Kind kind, Value b) {
    return CombineValues(a, kind, b);
  }
  int Combine(int x, Binary::Kind kind, std::vector<float> numbers,
              Shape shape = {});
  int CombineLeft(float number, Binary::Kind kind, int x);
  // Keeps the dimensions.
  int Mean(int x, std::vector<int64_t> dimensions);
  // With random weights, or those of another one.
  int FullyConnected(int x, int64_t outputs);
  int FullyConnectedAs(int other, int x);
  // Rows of a table, element (r, c) of which is r + c / 1000.
  int Gather(int64_t rows, int64_t columns, int indices);
  int MatMul(int a, int b);
  int Reshape(int x, Shape shape);
  int Transpose(int x, std::vector<int64_t> permutation);

  Network& network() { return network_; }
  const Shape& ShapeOf(int value) const { return network_.values[value].shape; }
  // Numbers for each input, by a seed.
  std::vector<std::vector<float>> Inputs(uint32_t seed) const;

 private:
  int CombineValues(int a, Binary::Kind kind, int b);
  int Add(decltype(Operation::op) op, std::vector<int> inputs, Shape shape,
          std::vector<Weight> weights = {});
  int AddConstant(Shape shape, const std::vector<float>& numbers);
  int AddFullyConnected(int x, Weight weight);

  Graph graph_;
  Network network_;
  std::string next_name_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_NETWORK_NETWORK_SKETCH_H_
