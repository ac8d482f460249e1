#ifndef LAYERD_DAEMON_SERVE_SERVER_H_
#define LAYERD_DAEMON_SERVE_SERVER_H_

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/engine/engine.h"
#include "daemon/engine/repository.h"

namespace layerd {

// Where to listen: "127.0.0.1:8001" (port 0: any free one) or "unix:PATH".
struct Listener {
  std::string address;
  bool required = true;  // Not bound: an error; else a warning.
};

struct ServerOptions {
  std::vector<Listener> listeners;
  uint64_t max_message_bytes = 64 << 20;
  uint64_t request_bytes_max = 16 << 20;  // memory.requests: of whole ones.
  bool reflection = true;
  Listener metrics = {};  // HOST:PORT for HTTP; an empty one: nowhere.
};

// The gRPC front: inference, admin, health and reflection on every listener.
// Beside it, over HTTP, what it counts: /metrics, and a page for people at /.
//
// Health follows MarkReady() and Drain(). The only room below ctl that knows
// gRPC; this header does not.
//
// Ownership: engine and repository outlive the server.
// Threading: one owner thread, but for MarkReady(); gRPC's threads are inside.
class Server {
 public:
  // UNAVAILABLE naming the address if a required one cannot be bound, or none
  // for gRPC.
  static absl::StatusOr<std::unique_ptr<Server>> Start(
      const ServerOptions& options, Engine* engine, Repository* repository);
  ~Server();

  // As clients may use them: with the real port.
  const std::vector<std::string>& addresses() const { return addresses_; }
  // Of the page for people; empty: nowhere.
  const std::string& metrics_url() const { return metrics_url_; }
  const std::vector<std::string>& warnings() const { return warnings_; }

  // Health says SERVING.
  void MarkReady();

  // Health says NOT_SERVING, new inferences are UNAVAILABLE, and so ends every
  // stream on which no answer is due.
  void Refuse();

  // Refuses; the engine finishes what it has until `deadline`; then every call
  // is over and the listeners are closed.
  void Drain(Instant deadline);

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
  absl::Status StartGrpc(const ServerOptions& options);
  absl::Status StartMetrics(const Listener& listener, Engine* engine,
                            Repository* repository);

  std::vector<std::string> addresses_, warnings_;
  std::string metrics_url_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_SERVER_H_
