#include "daemon/pack/graph/graph_sketch.h"

#include <cstring>
#include <utility>

namespace layerd {

int GraphSketch::AddValue(const std::string& name, Shape shape,
                          DataType dtype) {
  Value value;
  value.name = name;
  value.dtype = dtype;
  value.shape = std::move(shape);
  graph_.values.push_back(std::move(value));
  return static_cast<int>(graph_.values.size()) - 1;
}

int GraphSketch::Input(const std::string& name, Shape shape, DataType dtype) {
  const int value = AddValue(name, std::move(shape), dtype);
  graph_.inputs.push_back(value);
  return value;
}

int GraphSketch::Numbers(const std::string& name, Shape shape,
                         std::vector<float> numbers) {
  Constant constant;
  constant.shape = shape;
  constant.held.resize(numbers.size() * sizeof(float));
  std::memcpy(constant.held.data(), numbers.data(), constant.held.size());
  graph_.weight_bytes += constant.held.size();
  const int value = AddValue(name, std::move(shape), DataType::kF32);
  graph_.values[value].constant = static_cast<int>(graph_.constants.size());
  graph_.constants.push_back(std::move(constant));
  return value;
}

// Not std::uniform_real_distribution: its numbers differ between libraries.
float GraphSketch::Uniform(float low, float high) {
  return low + (high - low) * static_cast<float>(random_() >> 8) / (1 << 24);
}

int GraphSketch::Below(int bound) {
  return static_cast<int>(random_() % static_cast<uint32_t>(bound));
}

int GraphSketch::Random(const std::string& name, Shape shape, float low,
                        float high) {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  std::vector<float> numbers(count);
  for (float& number : numbers) number = Uniform(low, high);
  return Numbers(name, std::move(shape), std::move(numbers));
}

int GraphSketch::Add(const std::string& name, const std::string& op_type,
                     std::vector<int> inputs, Shape shape,
                     Attributes attributes) {
  Node node;
  node.name = name;
  node.op_type = op_type;
  node.opset = 13;
  node.inputs = std::move(inputs);
  node.outputs = {AddValue(name, std::move(shape), DataType::kF32)};
  node.attributes = std::move(attributes);
  graph_.nodes.push_back(std::move(node));
  return graph_.nodes.back().outputs[0];
}

int GraphSketch::Conv(const std::string& name, int x, int64_t channels,
                      int64_t kernel, int64_t stride, int64_t pads,
                      int64_t groups, bool bias) {
  Shape shape = ShapeOf(x);
  const size_t spatial = shape.size() - 2;
  Shape weights = {channels, shape[1] / groups};
  weights.resize(2 + spatial, kernel);
  shape[1] = channels;
  for (size_t d = 2; d < shape.size(); ++d) {
    shape[d] = (shape[d] + 2 * pads - kernel) / stride + 1;
  }
  std::vector<int> inputs = {x, Random(name + ".w", std::move(weights))};
  if (bias) inputs.push_back(Random(name + ".b", {channels}));
  return Add(name, "Conv", std::move(inputs), std::move(shape),
             {{"kernel_shape", Shape(spatial, kernel)},
              {"strides", Shape(spatial, stride)},
              {"dilations", Shape(spatial, 1)},
              {"pads", Shape(2 * spatial, pads)},
              {"group", groups}});
}

int GraphSketch::BatchNorm(const std::string& name, int x) {
  const Shape channels = {ShapeOf(x)[1]};
  const int scale = Random(name + ".scale", channels, 0.5f, 2);
  const int shift = Random(name + ".shift", channels);
  const int mean = Random(name + ".mean", channels);
  const int variance = Random(name + ".variance", channels, 0.5f, 2);
  return Add(name, "BatchNormalization", {x, scale, shift, mean, variance},
             ShapeOf(x), {{"epsilon", 1e-5f}, {"training_mode", int64_t{0}}});
}

int GraphSketch::Relu(const std::string& name, int x) {
  return Add(name, "Relu", {x}, ShapeOf(x));
}

int GraphSketch::Concat(const std::string& name, std::vector<int> inputs,
                        int64_t axis) {
  Shape shape = ShapeOf(inputs[0]);
  for (size_t i = 1; i < inputs.size(); ++i) {
    shape[axis] += ShapeOf(inputs[i])[axis];
  }
  return Add(name, "Concat", std::move(inputs), std::move(shape),
             {{"axis", axis}});
}

}  // namespace layerd
