#include "daemon/pack/import/onnx_test_model.h"

#include <sys/mman.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "config/check.h"
#include "loader/io/unique_fd.h"

namespace layerd {

TestModel::TestModel(int64_t opset) {
  proto.set_ir_version(8);
  proto.add_opset_import()->set_version(opset);
  proto.mutable_graph()->set_name("test");
}

onnx::ValueInfoProto* TestModel::Input(const std::string& name,
                                       const std::vector<int64_t>& shape,
                                       onnx::TensorProto::DataType type) {
  onnx::ValueInfoProto* input = proto.mutable_graph()->add_input();
  input->set_name(name);
  auto* tensor = input->mutable_type()->mutable_tensor_type();
  tensor->set_elem_type(type);
  auto* dimensions = tensor->mutable_shape();
  for (const int64_t dimension : shape) {
    auto* added = dimensions->add_dim();
    if (dimension > 0) added->set_dim_value(dimension);
  }
  return input;
}

void TestModel::Output(const std::string& name) {
  proto.mutable_graph()->add_output()->set_name(name);
}

onnx::TensorProto* TestModel::Weights(const std::string& name,
                                      const std::vector<int64_t>& shape,
                                      const std::vector<float>& elements) {
  onnx::TensorProto* tensor = proto.mutable_graph()->add_initializer();
  tensor->set_name(name);
  FillWeights(tensor, shape, elements);
  return tensor;
}

onnx::TensorProto* TestModel::Ints(const std::string& name,
                                   const std::vector<int64_t>& shape,
                                   const std::vector<int64_t>& elements) {
  onnx::TensorProto* tensor = proto.mutable_graph()->add_initializer();
  tensor->set_name(name);
  FillInts(tensor, shape, elements);
  return tensor;
}

onnx::NodeProto* TestModel::Add(const std::string& op_type,
                                const std::vector<std::string>& inputs,
                                const std::vector<std::string>& outputs) {
  onnx::NodeProto* node = proto.mutable_graph()->add_node();
  node->set_op_type(op_type);
  node->set_name(outputs.front());
  for (const std::string& input : inputs) node->add_input(input);
  for (const std::string& output : outputs) node->add_output(output);
  return node;
}

absl::StatusOr<Graph> TestModel::Import(const ShapeBindings& shapes,
                                        const ValueBindings& values) const {
  const std::string bytes = proto.SerializeAsString();
  const UniqueFd file(memfd_create("model.onnx", MFD_CLOEXEC));
  LAYERD_CHECK(write(file.get(), bytes.data(), bytes.size()) ==
               static_cast<ssize_t>(bytes.size()));
  return ImportOnnx(absl::StrCat("/proc/self/fd/", file.get()), shapes, values);
}

onnx::NodeProto* SetInt(onnx::NodeProto* node, const std::string& name,
                        int64_t value) {
  onnx::AttributeProto* attribute = node->add_attribute();
  attribute->set_name(name);
  attribute->set_type(onnx::AttributeProto::INT);
  attribute->set_i(value);
  return node;
}

onnx::NodeProto* SetFloat(onnx::NodeProto* node, const std::string& name,
                          float value) {
  onnx::AttributeProto* attribute = node->add_attribute();
  attribute->set_name(name);
  attribute->set_type(onnx::AttributeProto::FLOAT);
  attribute->set_f(value);
  return node;
}

onnx::NodeProto* SetString(onnx::NodeProto* node, const std::string& name,
                           const std::string& value) {
  onnx::AttributeProto* attribute = node->add_attribute();
  attribute->set_name(name);
  attribute->set_type(onnx::AttributeProto::STRING);
  attribute->set_s(value);
  return node;
}

onnx::NodeProto* SetInts(onnx::NodeProto* node, const std::string& name,
                         const std::vector<int64_t>& values) {
  onnx::AttributeProto* attribute = node->add_attribute();
  attribute->set_name(name);
  attribute->set_type(onnx::AttributeProto::INTS);
  for (const int64_t value : values) attribute->add_ints(value);
  return node;
}

onnx::TensorProto* SetTensor(onnx::NodeProto* node, const std::string& name) {
  onnx::AttributeProto* attribute = node->add_attribute();
  attribute->set_name(name);
  attribute->set_type(onnx::AttributeProto::TENSOR);
  return attribute->mutable_t();
}

onnx::GraphProto* SetBranch(onnx::NodeProto* node, const std::string& name,
                            const std::string& op_type,
                            const std::vector<std::string>& inputs,
                            const std::string& output) {
  onnx::AttributeProto* attribute = node->add_attribute();
  attribute->set_name(name);
  attribute->set_type(onnx::AttributeProto::GRAPH);
  onnx::GraphProto* graph = attribute->mutable_g();
  onnx::NodeProto* only = graph->add_node();
  only->set_op_type(op_type);
  only->set_name(output);
  for (const std::string& input : inputs) only->add_input(input);
  only->add_output(output);
  graph->add_output()->set_name(output);
  return graph;
}

onnx::NodeProto* AddTo(onnx::GraphProto* graph, const std::string& op_type,
                       const std::vector<std::string>& inputs,
                       const std::vector<std::string>& outputs) {
  onnx::NodeProto* node = graph->add_node();
  node->set_op_type(op_type);
  node->set_name(outputs[0]);
  for (const std::string& input : inputs) node->add_input(input);
  for (const std::string& output : outputs) node->add_output(output);
  return node;
}

onnx::GraphProto* BodyOf(onnx::NodeProto* loop,
                         const std::vector<std::string>& inputs,
                         const std::vector<std::string>& outputs) {
  onnx::AttributeProto* attribute = loop->add_attribute();
  attribute->set_name("body");
  attribute->set_type(onnx::AttributeProto::GRAPH);
  onnx::GraphProto* body = attribute->mutable_g();
  for (const std::string& name : inputs) body->add_input()->set_name(name);
  for (const std::string& name : outputs) body->add_output()->set_name(name);
  return body;
}

void FillWeights(onnx::TensorProto* tensor, const std::vector<int64_t>& shape,
                 const std::vector<float>& elements) {
  tensor->set_data_type(onnx::TensorProto::FLOAT);
  for (const int64_t dimension : shape) tensor->add_dims(dimension);
  tensor->set_raw_data(elements.data(), elements.size() * sizeof(float));
}

void FillInts(onnx::TensorProto* tensor, const std::vector<int64_t>& shape,
              const std::vector<int64_t>& elements) {
  tensor->set_data_type(onnx::TensorProto::INT64);
  for (const int64_t dimension : shape) tensor->add_dims(dimension);
  tensor->set_raw_data(elements.data(), elements.size() * sizeof(int64_t));
}

std::string Sketch(const Graph& graph) {
  const auto names = [&](const std::vector<int>& edges) {
    std::vector<std::string> all;
    for (const int edge : edges) {
      all.push_back(
          edge == kAbsent ? "_" : graph.values[static_cast<size_t>(edge)].name);
    }
    return absl::StrJoin(all, ", ");
  };
  std::vector<std::string> nodes;
  for (const Node& node : graph.nodes) {
    nodes.push_back(absl::StrCat(node.op_type, "(", names(node.inputs), ") -> ",
                                 names(node.outputs)));
  }
  return absl::StrJoin(nodes, "; ");
}

const Value& ValueNamed(const Graph& graph, const std::string& name) {
  for (const Value& value : graph.values) {
    if (value.name == name) return value;
  }
  LAYERD_CHECK(false, name);
}

}  // namespace layerd
