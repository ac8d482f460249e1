#ifndef LAYERD_TEST_E2E_WIRE_CLIENT_H_
#define LAYERD_TEST_E2E_WIRE_CLIENT_H_

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace layerd {

// A gRPC client that sends any bytes to any method, so that it can misbehave:
// it knows no message. Made for tests; layerctl has one with manners.
//
// This header is without gRPC, and each call is waited for on the thread that
// asks, because the distribution's gRPC cannot be checked for data races.
class WireClient {
 public:
  // A call under way. Cancelled, and over, when it goes.
  class Call {
   public:
    virtual ~Call() = default;
    virtual void Cancel() = 0;
    // The reply's bytes, or the status that the server or gRPC gave.
    virtual absl::StatusOr<std::string> Answer() = 0;
  };

  // A stream of messages, both ways. Cancelled, and over, when it goes.
  class Stream {
   public:
    virtual ~Stream() = default;
    // False if it is over.
    virtual bool Send(const std::string& message) = 0;
    // The next message, or the status that ended it: OUT_OF_RANGE for OK.
    virtual absl::StatusOr<std::string> Receive() = 0;
  };

  // A connection of its own to "127.0.0.1:PORT" or "unix:PATH".
  explicit WireClient(const std::string& address);
  ~WireClient();

  // `method` is "/package.Service/Method". With `wait_for_server` a server
  // that is not there yet is waited for, else it is UNAVAILABLE.
  std::unique_ptr<Call> Begin(
      const std::string& method, const std::string& request,
      std::chrono::milliseconds timeout = std::chrono::minutes(1),
      bool wait_for_server = false);

  std::unique_ptr<Stream> OpenStream(
      const std::string& method,
      std::chrono::milliseconds timeout = std::chrono::minutes(1));

  absl::StatusOr<std::string> Ask(const std::string& method,
                                  const std::string& request) {
    return Begin(method, request)->Answer();
  }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace layerd

#endif  // LAYERD_TEST_E2E_WIRE_CLIENT_H_
