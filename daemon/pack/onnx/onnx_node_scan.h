#ifndef LAYERD_DAEMON_PACK_ONNX_ONNX_NODE_SCAN_H_
#define LAYERD_DAEMON_PACK_ONNX_ONNX_NODE_SCAN_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "daemon/pack/onnx/onnx_tensor_scan.h"
#include "daemon/pack/onnx/scanned_body.h"
#include "daemon/pack/onnx/wire_reader.h"

namespace layerd {

// Scans a branch of an If, or a body, into the model; its index. Bounds its
// depth.
using ScanBranch = std::function<absl::StatusOr<int>(const WireReader&)>;

// Which of the model's functions a node calls; kNoFunction if none.
using FindFunction = std::function<int(const ScannedNode&)>;

// What is around a node. All are loans.
struct NodeSurroundings {
  int64_t opset = 0;
  bool is_function = false;  // Whose attributes the node's may refer to.
  TensorScanner* tensors;
  Allowance* held_bytes;
  ScanBranch scan_branch;
  FindFunction find_function;
};

// `message` is a NodeProto; `index` names the node if it has no name.
//
// Errors: UNIMPLEMENTED naming the node for attributes that are graphs (but of
//         If, Loop and Scan), sparse tensors, types, or lists of tensors.
absl::StatusOr<ScannedNode> ScanNode(const WireReader& message, size_t index,
                                     const NodeSurroundings& around);

// `message` is an AttributeProto of no node, which joins `attributes`.
// Errors: as ScanNode's, without the node.
absl::Status ScanAttribute(const WireReader& message, TensorScanner& tensors,
                           Allowance& held_bytes,
                           std::map<std::string, AttributeValue>& attributes);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_ONNX_ONNX_NODE_SCAN_H_
