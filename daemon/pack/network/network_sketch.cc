#include "daemon/pack/network/network_sketch.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <utility>

#include "daemon/pack/graph/element_type.h"

namespace layerd {
namespace {

NetworkSketch::Shape Broadcast(NetworkSketch::Shape a, NetworkSketch::Shape b) {
  if (a.size() < b.size()) std::swap(a, b);
  for (size_t back = 1; back <= b.size(); ++back) {
    int64_t& size = a[a.size() - back];
    size = std::max(size, b[b.size() - back]);
  }
  return a;
}

}  // namespace

int NetworkSketch::Input(const std::string& name, Shape shape, DataType dtype) {
  graph_.values.push_back({name, dtype, shape, -1});
  network_.values.push_back({name, dtype, std::move(shape), -1});
  const int value = static_cast<int>(network_.values.size()) - 1;
  graph_.inputs.push_back(value);
  network_.inputs.push_back(value);
  return value;
}

void NetworkSketch::Output(int value) {
  graph_.outputs.push_back(value);
  network_.outputs.push_back(value);
}

int NetworkSketch::Activate(int x, Activation activation) {
  return Add(Operator(Unary{activation}), {x}, ShapeOf(x));
}

int NetworkSketch::CombineValues(int a, Binary::Kind kind, int b) {
  Binary binary;
  binary.kind = kind;
  return Add(Operator(binary), {a, b}, Broadcast(ShapeOf(a), ShapeOf(b)));
}

int NetworkSketch::Combine(int x, Binary::Kind kind, std::vector<float> numbers,
                           Shape shape) {
  Binary binary;
  binary.kind = kind;
  binary.constant = Binary::Constant::kRight;
  Shape whole = Broadcast(ShapeOf(x), shape);
  const int constant = AddConstant(shape, numbers);
  return Add(Operator(binary), {x}, std::move(whole),
             {Weight::Of(constant, std::move(shape))});
}

int NetworkSketch::CombineLeft(float number, Binary::Kind kind, int x) {
  Binary binary;
  binary.kind = kind;
  binary.constant = Binary::Constant::kLeft;
  return Add(Operator(binary), {x}, ShapeOf(x),
             {Weight::Of(AddConstant({}, {number}), {})});
}

int NetworkSketch::Mean(int x, std::vector<int64_t> dimensions) {
  Shape shape = ShapeOf(x);
  for (const int64_t d : dimensions) shape[d] = 1;
  Reduce reduce;
  reduce.kind = Reduce::Kind::kMean;
  reduce.dimensions = std::move(dimensions);
  return Add(Operator(reduce), {x}, std::move(shape));
}

int NetworkSketch::FullyConnected(int x, int64_t outputs) {
  const int64_t inputs = ShapeOf(x).back();
  std::mt19937 random(static_cast<uint32_t>(graph_.constants.size()));
  std::uniform_real_distribution<float> value(-0.5f, 0.5f);
  std::vector<float> numbers(outputs * inputs);
  for (float& number : numbers) number = value(random);
  const int constant = AddConstant({outputs, inputs}, numbers);
  return AddFullyConnected(x, Weight::Of(constant, {outputs, inputs}));
}

int NetworkSketch::FullyConnectedAs(int other, int x) {
  const Uses uses(network_);
  return AddFullyConnected(x, network_.nodes[uses.producer[other]].weights[0]);
}

int NetworkSketch::AddFullyConnected(int x, Weight weight) {
  Shape shape = ShapeOf(x);
  shape.back() = weight.shape[0];
  return Add(Operator(layerd::FullyConnected{}), {x}, std::move(shape),
             {std::move(weight)});
}

int NetworkSketch::Gather(int64_t rows, int64_t columns, int indices) {
  std::vector<float> numbers(rows * columns);
  for (size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = static_cast<float>(i / columns) +
                 static_cast<float>(i % columns) / 1000;
  }
  Shape shape = ShapeOf(indices);
  shape.push_back(columns);
  const int constant = AddConstant({rows, columns}, numbers);
  return Add(Operator(layerd::Gather{0}), {indices}, std::move(shape),
             {Weight::Of(constant, {rows, columns})});
}

int NetworkSketch::MatMul(int a, int b) {
  Shape shape = ShapeOf(a);
  shape.back() = ShapeOf(b).back();
  return Add(Operator(layerd::MatMul{}), {a, b}, std::move(shape));
}

int NetworkSketch::Reshape(int x, Shape shape) {
  return Add(layerd::Reshape{}, {x}, std::move(shape));
}

int NetworkSketch::Transpose(int x, std::vector<int64_t> permutation) {
  Shape shape;
  for (const int64_t d : permutation) shape.push_back(ShapeOf(x)[d]);
  return Add(layerd::Transpose{std::move(permutation)}, {x}, std::move(shape));
}

std::vector<std::vector<float>> NetworkSketch::Inputs(uint32_t seed) const {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> value(-3, 3);
  std::vector<std::vector<float>> inputs;
  for (const int input : network_.inputs) {
    inputs.emplace_back(CountOf(ShapeOf(input)));
    for (float& number : inputs.back()) number = value(random);
  }
  return inputs;
}

int NetworkSketch::Add(decltype(Operation::op) op, std::vector<int> inputs,
                       Shape shape, std::vector<Weight> weights) {
  const int value = static_cast<int>(network_.values.size());
  std::string name = std::exchange(next_name_, "");
  if (name.empty()) name = "v" + std::to_string(value);
  graph_.values.push_back({name, DataType::kF32, shape, -1});
  network_.values.push_back({name, DataType::kF32, std::move(shape), -1});
  network_.nodes.push_back({name, "node \"" + name + "\"", std::move(op),
                            std::move(inputs), value, std::move(weights)});
  return value;
}

int NetworkSketch::AddConstant(Shape shape, const std::vector<float>& numbers) {
  Constant constant;
  constant.shape = std::move(shape);
  constant.held.resize(numbers.size() * sizeof(float));
  std::memcpy(constant.held.data(), numbers.data(), constant.held.size());
  graph_.constants.push_back(std::move(constant));
  return static_cast<int>(graph_.constants.size()) - 1;
}

}  // namespace layerd
