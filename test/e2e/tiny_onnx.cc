#include "test/e2e/tiny_onnx.h"

#include <vector>

#include "onnx.pb.h"

namespace layerd {
namespace {

constexpr int kOpset = 13;
constexpr int64_t kChannels = 64;
constexpr int64_t kSide = 64;
constexpr int64_t kWindow = 3;

void Describe(const char* name, const std::vector<int64_t>& shape,
              onnx::ValueInfoProto* value) {
  value->set_name(name);
  auto* tensor = value->mutable_type()->mutable_tensor_type();
  tensor->set_elem_type(onnx::TensorProto::FLOAT);
  for (const int64_t dimension : shape) {
    tensor->mutable_shape()->add_dim()->set_dim_value(dimension);
  }
}

onnx::ModelProto ModelOf(const std::vector<int64_t>& shape) {
  onnx::ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(kOpset);
  model.mutable_graph()->set_name("tiny");
  Describe("x", shape, model.mutable_graph()->add_input());
  Describe("y", shape, model.mutable_graph()->add_output());
  return model;
}

onnx::NodeProto* AddNode(onnx::ModelProto* model, const std::string& op,
                         const std::string& name,
                         const std::vector<std::string>& inputs,
                         const std::string& output) {
  onnx::NodeProto* node = model->mutable_graph()->add_node();
  node->set_op_type(op);
  node->set_name(name);
  for (const std::string& input : inputs) node->add_input(input);
  node->add_output(output);
  return node;
}

onnx::TensorProto* AddWeight(onnx::ModelProto* model, const std::string& name,
                             const std::vector<int64_t>& shape) {
  onnx::TensorProto* weight = model->mutable_graph()->add_initializer();
  weight->set_name(name);
  weight->set_data_type(onnx::TensorProto::FLOAT);
  for (const int64_t dimension : shape) weight->add_dims(dimension);
  return weight;
}

void AddConvolution(onnx::ModelProto* model, int i, const std::string& input,
                    const std::string& output) {
  const std::string weight = "w" + std::to_string(i);
  onnx::NodeProto* node = AddNode(model, "Conv", "conv" + std::to_string(i),
                                  {input, weight}, output);
  onnx::AttributeProto* pads = node->add_attribute();
  pads->set_name("pads");
  pads->set_type(onnx::AttributeProto::INTS);
  for (int side = 0; side < 4; ++side) pads->add_ints(kWindow / 2);
  const int64_t taps = kChannels * kWindow * kWindow;
  const std::vector<float> values(static_cast<size_t>(kChannels * taps),
                                  1.0f / static_cast<float>(taps));
  AddWeight(model, weight, {kChannels, kChannels, kWindow, kWindow})
      ->set_raw_data(values.data(), values.size() * sizeof(float));
}

}  // namespace

std::string OneNodeOnnx(const std::string& op, const std::string& node_name) {
  onnx::ModelProto model = ModelOf({1, 4});
  AddNode(&model, op, node_name, {"x"}, "y");
  return model.SerializeAsString();
}

std::string TwoOutputsOnnx() {
  onnx::ModelProto model = ModelOf({1, 4});
  Describe("z", {1, 4}, model.mutable_graph()->add_output());
  AddNode(&model, "Neg", "neg", {"x"}, "y");
  AddNode(&model, "Relu", "relu", {"x"}, "z");
  return model.SerializeAsString();
}

std::string ExternalOnnx(const std::string& location) {
  onnx::ModelProto model = ModelOf({1, 4});
  AddNode(&model, "Add", "add", {"x", "w"}, "y");
  onnx::TensorProto* weight = AddWeight(&model, "w", {1, 4});
  weight->set_data_location(onnx::TensorProto::EXTERNAL);
  auto* entry = weight->add_external_data();
  entry->set_key("location");
  entry->set_value(location);
  return model.SerializeAsString();
}

std::string SlowOnnx(int convolutions) {
  onnx::ModelProto model = ModelOf({1, kChannels, kSide, kSide});
  std::string value = "x";
  for (int i = 0; i < convolutions; ++i) {
    const std::string next =
        i + 1 == convolutions ? "y" : "v" + std::to_string(i);
    AddConvolution(&model, i, value, next);
    value = next;
  }
  return model.SerializeAsString();
}

}  // namespace layerd
