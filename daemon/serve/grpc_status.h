#ifndef LAYERD_DAEMON_SERVE_GRPC_STATUS_H_
#define LAYERD_DAEMON_SERVE_GRPC_STATUS_H_

#include <grpcpp/support/status.h>

#include <string>

#include "absl/status/status.h"

namespace layerd {

// The codes have the same numbers; the message goes to the client as it is, so
// it must not hold paths or addresses.
inline grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.raw_code()),
                      std::string(status.message()));
}

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_GRPC_STATUS_H_
