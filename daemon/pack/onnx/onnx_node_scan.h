#ifndef LAYERD_DAEMON_PACK_ONNX_ONNX_NODE_SCAN_H_
#define LAYERD_DAEMON_PACK_ONNX_ONNX_NODE_SCAN_H_

#include <cstddef>
#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "daemon/pack/onnx/onnx_scan.h"
#include "daemon/pack/onnx/onnx_tensor_scan.h"
#include "daemon/pack/onnx/wire_reader.h"

namespace layerd {

// Scans a branch of an If, or a body, into the model; its index. Bounds its
// depth.
using ScanBranch = std::function<absl::StatusOr<int>(const WireReader&)>;

// `message` is a NodeProto; `index` names the node if it has no name.
//
// Errors: UNIMPLEMENTED naming the node for attributes that are graphs (but of
//         If, Loop and Scan), sparse tensors, types, or lists of tensors.
absl::StatusOr<OnnxNode> ScanNode(const WireReader& message, int64_t opset,
                                  size_t index, TensorScanner& tensors,
                                  const ScanBranch& scan_branch,
                                  Allowance& held_bytes);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_ONNX_ONNX_NODE_SCAN_H_
