#ifndef LAYERD_DAEMON_SERVE_GRPC_STATUS_H_
#define LAYERD_DAEMON_SERVE_GRPC_STATUS_H_

#include <grpcpp/support/status.h>

#include <string>

#include "absl/status/status.h"
#include "daemon/plan/memory_plan.h"

namespace layerd {

// The codes have the same numbers; the message goes to the client as it is, so
// it must not hold paths or addresses. The details of a budget that was too
// small are the least that would do, in decimal.
inline grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const auto code = static_cast<grpc::StatusCode>(status.raw_code());
  const std::string message(status.message());
  const auto minimum = MinimumBudgetBytes(status);
  return minimum ? grpc::Status(code, message, std::to_string(*minimum))
                 : grpc::Status(code, message);
}

// What a client hears that comes, or stays, while the server drains.
inline absl::Status ShuttingDown() {
  return absl::UnavailableError("the server is shutting down");
}

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_GRPC_STATUS_H_
