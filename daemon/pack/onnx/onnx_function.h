#ifndef LAYERD_DAEMON_PACK_ONNX_ONNX_FUNCTION_H_
#define LAYERD_DAEMON_PACK_ONNX_ONNX_FUNCTION_H_

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/pack/onnx/allowance.h"
#include "daemon/pack/onnx/onnx_tensor_scan.h"
#include "daemon/pack/onnx/scanned_body.h"
#include "daemon/pack/onnx/wire_reader.h"

namespace layerd {

// A function of a model: nodes that others call as if they were one operator.
// torch.onnx writes one for each module and for operators that it spells out.
struct OnnxFunction : ScannedBody {
  std::string domain, name, overload;
  int64_t opset = 0;  // Of the default domain.
  std::vector<std::string> inputs, outputs;
  std::map<std::string, AttributeValue> defaults;  // Of what calls leave out.
};

// Domain, name and overload.
using FunctionKey = std::tuple<std::string, std::string, std::string>;
FunctionKey KeyOf(const OnnxFunction& function);
FunctionKey KeyOf(const ScannedNode& call);

// All of a FunctionProto but its nodes.
// Errors: INVALID_ARGUMENT and UNIMPLEMENTED, naming it.
absl::StatusOr<OnnxFunction> ScanFunction(const WireReader& message,
                                          int64_t opset_of_model,
                                          TensorScanner& tensors,
                                          Allowance& held_bytes);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_ONNX_ONNX_FUNCTION_H_
