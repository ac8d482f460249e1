#ifndef LAYERD_DAEMON_PACK_ONNX_INLINE_FUNCTIONS_H_
#define LAYERD_DAEMON_PACK_ONNX_INLINE_FUNCTIONS_H_

#include <vector>

#include "absl/status/status.h"
#include "daemon/pack/onnx/allowance.h"
#include "daemon/pack/onnx/onnx_function.h"
#include "daemon/pack/onnx/onnx_scan.h"
#include "daemon/pack/onnx/scanned_body.h"

namespace layerd {

// Puts what a graph has into `model`, and every call of a function as the
// function's nodes, which may call others. A name that is the function's own
// becomes `call/name`; an attribute that refers to one of the function's
// becomes what the call has, else the default, else none.
//
// Errors: INVALID_ARGUMENT for functions that call each other for ever or have
//         more inputs or outputs given than they name; RESOURCE_EXHAUSTED.
absl::Status InlineFunctions(const std::vector<OnnxFunction>& functions,
                             ScannedBody graph, Allowance& held_bytes,
                             OnnxModel& model);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_ONNX_INLINE_FUNCTIONS_H_
