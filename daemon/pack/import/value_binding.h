#ifndef LAYERD_DAEMON_PACK_IMPORT_VALUE_BINDING_H_
#define LAYERD_DAEMON_PACK_IMPORT_VALUE_BINDING_H_

#include "absl/status/status.h"
#include "daemon/pack/import/onnx_importer.h"
#include "daemon/pack/onnx/allowance.h"
#include "daemon/pack/onnx/onnx_scan.h"

namespace layerd {

// Makes initializers of the inputs that have a value: what decides a shape, and
// weights, must be known while packing.
//
// Errors: INVALID_ARGUMENT if there is no such input, or if the value is of
//         another type or shape than the model declares.
absl::Status BindValues(const ValueBindings& values, Allowance& held_bytes,
                        OnnxModel* model);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_IMPORT_VALUE_BINDING_H_
