#ifndef LAYERD_DAEMON_SERVE_ADMIN_SERVICE_H_
#define LAYERD_DAEMON_SERVE_ADMIN_SERVICE_H_

#include <functional>

#include "absl/status/status.h"
#include "admin.grpc.pb.h"
#include "daemon/engine/engine.h"
#include "daemon/engine/repository.h"
#include "daemon/serve/side_thread.h"
#include "daemon/serve/small_call.h"

namespace layerd {

// layerd's own RPCs: what `layerctl status`, `models`, `budget`, `measure`
// and `trace` ask for.
//
// Ownership: engine and repository outlive the service.
// Threading: gRPC's threads; what takes long is done on a thread beside them.
class AdminService final
    : public RawService<admin::Admin::Service,
                        admin::Admin::WithRawCallbackMethod_Status,
                        admin::Admin::WithRawCallbackMethod_Plan,
                        admin::Admin::WithRawCallbackMethod_SetBudget,
                        admin::Admin::WithRawCallbackMethod_Measure,
                        admin::Admin::WithRawCallbackMethod_Trace> {
 public:
  AdminService(Engine* engine, Repository* repository)
      : engine_(engine), repository_(repository) {}

  grpc::ServerUnaryReactor* Status(grpc::CallbackServerContext* context,
                                   const grpc::ByteBuffer* received,
                                   grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* Plan(grpc::CallbackServerContext* context,
                                 const grpc::ByteBuffer* received,
                                 grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* SetBudget(grpc::CallbackServerContext* context,
                                      const grpc::ByteBuffer* received,
                                      grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* Measure(grpc::CallbackServerContext* context,
                                    const grpc::ByteBuffer* received,
                                    grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* Trace(grpc::CallbackServerContext* context,
                                  const grpc::ByteBuffer* received,
                                  grpc::ByteBuffer* reply) override;

 private:
  // Ends the call with what `answer` returns on the side thread, if it is still
  // waited for when its turn comes.
  void Aside(grpc::CallbackServerContext* context, EndCall end,
             std::function<absl::Status()> answer);

  Engine* const engine_;
  Repository* const repository_;
  SideThread side_thread_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_ADMIN_SERVICE_H_
