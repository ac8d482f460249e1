#ifndef LAYERD_DAEMON_SERVE_UNKNOWN_METHODS_H_
#define LAYERD_DAEMON_SERVE_UNKNOWN_METHODS_H_

#include <grpcpp/generic/async_generic_service.h>

namespace layerd {

// What is not served: UNIMPLEMENTED, as by gRPC, but with words that say what
// to do instead. Triton's clients have functions for all that Triton adds to
// the protocol, and show these words to whoever calls one.
//
// Threading: gRPC's threads.
class UnknownMethods final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_UNKNOWN_METHODS_H_
