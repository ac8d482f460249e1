#ifndef LAYERD_DAEMON_PACK_SPELL_SPELL_OUT_H_
#define LAYERD_DAEMON_PACK_SPELL_SPELL_OUT_H_

#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/pack/graph/graph.h"
#include "daemon/pack/onnx/allowance.h"

namespace layerd {

// Operators without a kernel that are made of those that have one, or of what
// no file may contain because it is ours alone (Recurrent, TopPlaces).
// Of some operators only those are that have something odd: a MaxPool with
// places, a Pad that crops, extremes of U64.
bool IsSpelledOut(const Node& node, const Graph& graph);

// The nodes that say the same as `node`, in order; the last writes its output.
// What they need besides is added to the graph: values, and constants out of
// `held_bytes`. They have yet to be inferred, as nodes of opset 13. `before`:
// the nodes that come before it, inferred.
//
// REQUIRES: IsSpelledOut(node, graph); the node did not fold. It is inferred,
//           where operator_table.h has a function for that.
// Errors: INVALID_ARGUMENT for an index that is outside; UNIMPLEMENTED where
//         indices say where to put elements and are not known while packing.
absl::StatusOr<std::vector<Node>> SpellOut(const Node& node, Graph& graph,
                                           Allowance& held_bytes,
                                           std::span<const Node> before);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_SPELL_SPELL_OUT_H_
