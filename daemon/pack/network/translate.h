#ifndef LAYERD_DAEMON_PACK_NETWORK_TRANSLATE_H_
#define LAYERD_DAEMON_PACK_NETWORK_TRANSLATE_H_

#include "absl/status/statusor.h"
#include "daemon/pack/graph/graph.h"
#include "daemon/pack/network/network.h"

namespace layerd {

// The graph in layerd's own operators, node by node: MatMul and Gemm with
// constant weights become fully connected layers, BatchNormalization a scale
// and a shift, Sum a chain of additions, a cast between floating types nothing.
// Nothing is folded or fused yet.
//
// Errors: UNIMPLEMENTED naming node, operator and opset, where weights would
//         have to be computed at run time; I/O errors of small constants.
absl::StatusOr<Network> Translate(const Graph& graph);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_NETWORK_TRANSLATE_H_
