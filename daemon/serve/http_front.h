#ifndef LAYERD_DAEMON_SERVE_HTTP_FRONT_H_
#define LAYERD_DAEMON_SERVE_HTTP_FRONT_H_

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace layerd {

// Pages to look at over HTTP/1.1, for people and for Prometheus. Read-only and
// small on purpose: GET and HEAD of the paths it was given, all else is
// refused. What clients can hold of it is bounded: four threads, each of which
// answers one request on one connection at a time and gives it kPatience and
// 64 KiB, however the client fills them; others wait in the kernel.
//
// Threading: one owner; `content` is called from its threads, several at a
// time.
class HttpFront {
 public:
  struct Page {
    std::string path;  // "/metrics".
    std::string content_type;
    std::function<std::string()> content;
  };

  // For one connection.
  static constexpr std::chrono::milliseconds kPatience{3000};

  // `address`: HOST:PORT, port 0 any; all that the host means. UNAVAILABLE with
  // the reason if it cannot be bound.
  static absl::StatusOr<std::unique_ptr<HttpFront>> Start(
      const std::string& address, const std::vector<Page>& pages,
      std::chrono::milliseconds patience = kPatience);
  // Ends connections that are open.
  ~HttpFront();

  // With the real port.
  const std::string& address() const { return address_; }

 private:
  struct Impl;
  HttpFront(std::unique_ptr<Impl> impl, std::string address);

  std::unique_ptr<Impl> impl_;
  std::string address_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_HTTP_FRONT_H_
