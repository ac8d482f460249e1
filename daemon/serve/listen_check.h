#ifndef LAYERD_DAEMON_SERVE_LISTEN_CHECK_H_
#define LAYERD_DAEMON_SERVE_LISTEN_CHECK_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "loader/io/unique_fd.h"

namespace layerd {

// Whether `address` ("HOST:PORT", "unix:PATH") can be listened on just now.
//
// Why ask before gRPC does: it tells no reason, one address that fails takes
// the others along, and it takes over a Unix socket that another daemon serves.
absl::Status CheckListenable(const std::string& address);

// Sockets bound to all addresses that "HOST:PORT" means ("localhost" often is
// two), of one port, which do not block and do not listen yet. An address of a
// kind that this machine has not is left out if there is another. UNAVAILABLE
// with the reason and what to do.
absl::StatusOr<std::vector<UniqueFd>> BindTcp(const std::string& address);

// What `error`, of errno, means for who wants to listen there.
absl::Status CannotListen(const std::string& address, int error);

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_LISTEN_CHECK_H_
