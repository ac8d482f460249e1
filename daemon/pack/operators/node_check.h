#ifndef LAYERD_DAEMON_PACK_OPERATORS_NODE_CHECK_H_
#define LAYERD_DAEMON_PACK_OPERATORS_NODE_CHECK_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/pack/graph/graph.h"
#include "daemon/pack/operators/operator_table.h"

namespace layerd {

// What is asked of every node before its operator is: errors begin with its
// description.

// An attribute of a node that is not inferred, as it was written.
// INVALID_ARGUMENT for another type.
absl::StatusOr<int64_t> IntOr(const Node& node, const char* name,
                              int64_t otherwise);

// UNIMPLEMENTED.
absl::Status Refuse(const Node& node, const std::string& why);

// The same, with the reason for an operator that the table does not have.
absl::Status RefuseOperator(const Node& node);

// INVALID_ARGUMENT unless it has as many inputs and outputs as its operator.
absl::Status CheckArity(const Node& node, const OperatorRow& row);

// UNIMPLEMENTED if it would be computed at run time with what has no elements,
// or with numbers that are not computed with.
// REQUIRES: it is inferred.
absl::Status CheckComputes(const Node& node, const OperatorRow& row,
                           const Graph& graph);

// A node of an older opset becomes one of opset 7, if it means the same there.
absl::Status UpgradeToOpset7(Node& node);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_OPERATORS_NODE_CHECK_H_
