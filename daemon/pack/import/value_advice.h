#ifndef LAYERD_DAEMON_PACK_IMPORT_VALUE_ADVICE_H_
#define LAYERD_DAEMON_PACK_IMPORT_VALUE_ADVICE_H_

#include <vector>

#include "absl/status/status.h"
#include "daemon/pack/graph/graph.h"

namespace layerd {

// `status` of a node that reads `inputs`. If it says that something must be
// known while packing, and that follows from small inputs of the model alone,
// it then names them and how they are bound. `before` are the nodes that stayed
// so far, in order.
absl::Status WithValueAdvice(const absl::Status& status, const Graph& graph,
                             const std::vector<Node>& before,
                             const std::vector<int>& inputs);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_IMPORT_VALUE_ADVICE_H_
