#ifndef LAYERD_DAEMON_PACK_ONNX_ONNX_SCAN_H_
#define LAYERD_DAEMON_PACK_ONNX_ONNX_SCAN_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/pack/graph/graph.h"
#include "daemon/pack/onnx/allowance.h"

namespace layerd {

// An ONNX file as it is written: names in place of indices, nothing inferred.

inline constexpr int kNoBranch = -1;  // Of the graph itself.

struct OnnxTensor {
  std::string name;
  Constant constant;
  int branch = kNoBranch;  // Of OnnxModel::branches, that it belongs to.
};

struct OnnxDimension {
  std::optional<int64_t> value;  // Positive; else the dimension is free.
  std::string parameter;         // Its name, if it has one.
};

struct OnnxValueInfo {
  std::string name;
  std::optional<DataType> dtype;
  std::optional<std::vector<OnnxDimension>> shape;  // Else even the rank is
};                                                  // free.

struct OnnxNode {
  std::string name;  // Never empty.
  std::string op_type;
  std::string domain;
  int64_t opset = 0;                         // Of the default domain.
  std::vector<std::string> inputs, outputs;  // Empty: left out.
  std::map<std::string, AttributeValue> attributes;
  int branch = kNoBranch;  // That it belongs to.
  // Of an If.
  int then_branch = kNoBranch, else_branch = kNoBranch;
  int body = kNoBranch;  // Of a Loop or a Scan.
};

// One of the two graphs of an If, or the body of a Loop or a Scan. Its nodes
// stand among all others; what they write, only it and its own branches see.
struct OnnxBranch {
  int parent = kNoBranch;  // That the node belongs to.
  std::vector<std::string> inputs, outputs;
};

struct OnnxModel {
  int64_t opset = 0;  // Of the default domain.
  std::string graph_name;
  std::vector<std::unique_ptr<SourceFile>> files;  // The ONNX file is first.
  std::vector<OnnxValueInfo> inputs, outputs;
  std::vector<OnnxTensor> initializers;
  std::vector<OnnxNode> nodes;
  std::vector<OnnxBranch> branches;
};

// Scans `path` by the wire format. Weights stay where they are, so memory is
// that of names and attributes, taken from `held_bytes`. Functions of the model
// are written out where they are called.
//
// Errors: as ImportOnnx's, without shapes.
absl::StatusOr<OnnxModel> ScanOnnx(const std::string& path,
                                   Allowance& held_bytes);

// The type that a TensorProto.DataType means.
// Errors: UNIMPLEMENTED naming it, if packing knows no such type.
absl::StatusOr<DataType> TypeOfOnnx(int64_t data_type);
// The way back.
int64_t OnnxOfType(DataType dtype);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_ONNX_ONNX_SCAN_H_
