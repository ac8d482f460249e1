#ifndef LAYERD_DAEMON_PACK_GRAPH_ACTIVATION_FOR_H_
#define LAYERD_DAEMON_PACK_GRAPH_ACTIVATION_FOR_H_

#include <optional>

#include "daemon/pack/graph/graph.h"
#include "kernels/operator.h"

namespace layerd {

// The activation that a node with one input is; nothing if it is none, or one
// that takes several of ours (Celu, IsNaN).
// REQUIRES: its attributes are in their one form.
std::optional<Activation> ActivationFor(const Node& node);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_GRAPH_ACTIVATION_FOR_H_
