#ifndef LAYERD_DAEMON_PACK_IMPORT_ONNX_TEST_MODEL_H_
#define LAYERD_DAEMON_PACK_IMPORT_ONNX_TEST_MODEL_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/pack/import/onnx_importer.h"
#include "onnx.pb.h"

namespace layerd {

// An ONNX model that a test builds, word by word. `proto` is open, so a test
// can spoil it.
//
//   TestModel model(13);
//   model.Input("x", {1, 3, 8, 8});
//   model.Weights("w", {4, 3, 3, 3}, seq(108));
//   model.Add("Conv", {"x", "w"}, {"y"});
//   model.Output("y");
//   const auto graph = model.Import();
class TestModel {
 public:
  explicit TestModel(int64_t opset);

  // A dimension below 1 is free.
  onnx::ValueInfoProto* Input(
      const std::string& name, const std::vector<int64_t>& shape,
      onnx::TensorProto::DataType type = onnx::TensorProto::FLOAT);
  void Output(const std::string& name);

  // Initializers, in raw_data.
  onnx::TensorProto* Weights(const std::string& name,
                             const std::vector<int64_t>& shape,
                             const std::vector<float>& elements);
  onnx::TensorProto* Ints(const std::string& name,
                          const std::vector<int64_t>& shape,
                          const std::vector<int64_t>& elements);

  // A node named like its first output.
  onnx::NodeProto* Add(const std::string& op_type,
                       const std::vector<std::string>& inputs,
                       const std::vector<std::string>& outputs);

  // Through a file of its own; external data is looked for beside it.
  absl::StatusOr<Graph> Import(const ShapeBindings& shapes = {},
                               const ValueBindings& values = {}) const;

  onnx::ModelProto proto;
};

onnx::NodeProto* SetInt(onnx::NodeProto* node, const std::string& name,
                        int64_t value);
onnx::NodeProto* SetFloat(onnx::NodeProto* node, const std::string& name,
                          float value);
onnx::NodeProto* SetString(onnx::NodeProto* node, const std::string& name,
                           const std::string& value);
onnx::NodeProto* SetInts(onnx::NodeProto* node, const std::string& name,
                         const std::vector<int64_t>& values);
onnx::TensorProto* SetTensor(onnx::NodeProto* node, const std::string& name);
// A graph of one node: "then_branch" or "else_branch" of an If.
onnx::GraphProto* SetBranch(onnx::NodeProto* node, const std::string& name,
                            const std::string& op_type,
                            const std::vector<std::string>& inputs,
                            const std::string& output);

onnx::NodeProto* AddTo(onnx::GraphProto* graph, const std::string& op_type,
                       const std::vector<std::string>& inputs,
                       const std::vector<std::string>& outputs);
// The body of a Loop or a Scan, empty so far.
onnx::GraphProto* BodyOf(onnx::NodeProto* loop,
                         const std::vector<std::string>& inputs,
                         const std::vector<std::string>& outputs);

void FillWeights(onnx::TensorProto* tensor, const std::vector<int64_t>& shape,
                 const std::vector<float>& elements);
void FillInts(onnx::TensorProto* tensor, const std::vector<int64_t>& shape,
              const std::vector<int64_t>& elements);

// "Relu(x) -> y; Conv(y, w) -> z": the nodes of a graph with their edges, in
// order; "_" is an edge left out.
std::string Sketch(const Graph& graph);

const Value& ValueNamed(const Graph& graph, const std::string& name);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_IMPORT_ONNX_TEST_MODEL_H_
