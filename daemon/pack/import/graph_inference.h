#ifndef LAYERD_DAEMON_PACK_IMPORT_GRAPH_INFERENCE_H_
#define LAYERD_DAEMON_PACK_IMPORT_GRAPH_INFERENCE_H_

#include "absl/status/status.h"
#include "daemon/pack/graph/graph.h"
#include "daemon/pack/onnx/allowance.h"

namespace layerd {

// Gives every value a dtype and a shape, brings every node into the form of
// README.md, folds what is known, and takes out nodes that do nothing.
//
// `opset` is for nodes that are added: Identity, where an output is an input or
// a constant.
//
// REQUIRES: `graph` is as BuildGraph left it.
// Errors: as ImportOnnx's.
absl::Status InferAndFold(int64_t opset, Graph& graph, Allowance& held_bytes);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_IMPORT_GRAPH_INFERENCE_H_
