#ifndef LAYERD_DAEMON_PACK_ONNX_ONNX_FUNCTION_H_
#define LAYERD_DAEMON_PACK_ONNX_ONNX_FUNCTION_H_

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/pack/onnx/allowance.h"
#include "daemon/pack/onnx/onnx_scan.h"
#include "daemon/pack/onnx/onnx_tensor_scan.h"
#include "daemon/pack/onnx/wire_reader.h"

namespace layerd {

// A function of a model: nodes that others call as if they were one operator.
// torch.onnx writes one for each module and for operators that it spells out.
struct OnnxFunction : OnnxBody {
  std::string domain, name, overload;
  int64_t opset = 0;  // Of the default domain.
  std::vector<std::string> inputs, outputs;
  std::map<std::string, AttributeValue> defaults;  // Of what calls leave out.
};

// Domain, name and overload.
using FunctionKey = std::tuple<std::string, std::string, std::string>;
FunctionKey KeyOf(const OnnxFunction& function);
FunctionKey KeyOf(const OnnxNode& call);

// All of a FunctionProto but its nodes.
// Errors: INVALID_ARGUMENT and UNIMPLEMENTED, naming it.
absl::StatusOr<OnnxFunction> ScanFunction(const WireReader& message,
                                          int64_t opset_of_model,
                                          TensorScanner& tensors,
                                          Allowance& held_bytes);

// Writes every call of a function out as the function's nodes, which may call
// others, into `model`. A name that is the function's own becomes
// `call/name`; an attribute that refers to one of the function's becomes what
// the call has, else the default, else none.
//
// Errors: INVALID_ARGUMENT for functions that call each other for ever or have
//         more inputs or outputs given than they name; RESOURCE_EXHAUSTED.
absl::Status InlineFunctions(const std::vector<OnnxFunction>& functions,
                             Allowance& held_bytes, OnnxModel& model);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_ONNX_ONNX_FUNCTION_H_
