#ifndef LAYERD_DAEMON_SERVE_HEALTH_SERVICE_H_
#define LAYERD_DAEMON_SERVE_HEALTH_SERVICE_H_

#include <mutex>
#include <set>
#include <vector>

#include "daemon/serve/small_call.h"
#include "health.grpc.pb.h"

namespace layerd {

using HealthProtocol = grpc::health::v1::Health;
using RawHealthService =
    RawService<HealthProtocol::Service,
               HealthProtocol::WithRawCallbackMethod_Check,
               HealthProtocol::WithRawCallbackMethod_Watch>;

// Whether the server serves, as gRPC's clients, Kubernetes and load balancers
// ask for it: of "", the whole of it, and of the inference service. Asked once
// (Check), or told at once and at each change (Watch).
//
// Why not gRPC's own: it parses what comes in without a bound (small_call.h),
// and a drain would wait for those who watch.
//
// Threading: any thread.
class HealthService final : public RawHealthService {
 public:
  // At first it does not.
  void SetServing(bool serving);
  // Whoever watches, or comes to, is told how it is and that it is over.
  void EndWatches();

  grpc::ServerUnaryReactor* Check(grpc::CallbackServerContext* context,
                                  const grpc::ByteBuffer* received,
                                  grpc::ByteBuffer* reply) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Watch(
      grpc::CallbackServerContext* context,
      const grpc::ByteBuffer* received) override;

 private:
  class Watcher;
  using Status = grpc::health::v1::HealthCheckResponse::ServingStatus;

  // Sets `*what`, and has each watcher do what follows from it.
  void Change(bool* what, bool to);

  std::mutex mutex_;  // Short: guards all below, and what watchers know.
  bool serves_ = false;
  bool is_over_ = false;
  std::set<Watcher*> watchers_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_HEALTH_SERVICE_H_
