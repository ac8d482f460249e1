#ifndef LAYERD_DAEMON_SERVE_LISTEN_CHECK_H_
#define LAYERD_DAEMON_SERVE_LISTEN_CHECK_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "loader/io/unique_fd.h"

namespace layerd {

// Whether `address` ("HOST:PORT", "unix:PATH") can be listened on just now.
//
// Why ask before gRPC does: it tells no reason, one address that fails takes
// the others along, and it takes over a Unix socket that another daemon serves.
absl::Status CheckListenable(const std::string& address);

// A socket bound to "HOST:PORT", which does not listen yet. UNAVAILABLE with
// the reason.
absl::StatusOr<UniqueFd> BindTcp(const std::string& address);

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_LISTEN_CHECK_H_
