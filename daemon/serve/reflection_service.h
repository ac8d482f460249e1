#ifndef LAYERD_DAEMON_SERVE_REFLECTION_SERVICE_H_
#define LAYERD_DAEMON_SERVE_REFLECTION_SERVICE_H_

#include "daemon/serve/answering_stream.h"
#include "reflection.grpc.pb.h"

namespace layerd {

// Tells who asks by reflection (grpcurl, grpcui) which services there are, and
// of what messages: those of open_inference.proto, admin.proto, health.proto
// and reflection.proto.
//
// Why not gRPC's own: it parses what comes in without a bound (small_call.h).
//
// Ownership: `open` outlives the service.
// Threading: gRPC's threads.
class ReflectionService final
    : public grpc::reflection::v1alpha::ServerReflection::
          WithRawCallbackMethod_ServerReflectionInfo<
              grpc::reflection::v1alpha::ServerReflection::Service> {
 public:
  explicit ReflectionService(OpenStreams* open) : open_(open) {}

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>*
  ServerReflectionInfo(grpc::CallbackServerContext* context) override;

 private:
  OpenStreams* const open_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_REFLECTION_SERVICE_H_
