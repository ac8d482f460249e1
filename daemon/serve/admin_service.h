#ifndef LAYERD_DAEMON_SERVE_ADMIN_SERVICE_H_
#define LAYERD_DAEMON_SERVE_ADMIN_SERVICE_H_

#include <functional>

#include "absl/status/status.h"
#include "admin.grpc.pb.h"
#include "daemon/engine/engine.h"
#include "daemon/engine/repository.h"
#include "daemon/serve/side_thread.h"

namespace layerd {

// layerd's own RPCs: what `layerctl status`, `models`, `budget`, `measure`
// and `trace` ask for.
//
// Ownership: engine and repository outlive the service.
// Threading: gRPC's threads; what takes long is done on a thread beside them.
class AdminService final : public admin::Admin::CallbackService {
 public:
  AdminService(Engine* engine, Repository* repository)
      : engine_(engine), repository_(repository) {}

  grpc::ServerUnaryReactor* Status(grpc::CallbackServerContext* context,
                                   const admin::StatusRequest* request,
                                   admin::StatusResponse* response) override;
  grpc::ServerUnaryReactor* Plan(grpc::CallbackServerContext* context,
                                 const admin::PlanRequest* request,
                                 admin::PlanResponse* response) override;
  grpc::ServerUnaryReactor* SetBudget(grpc::CallbackServerContext* context,
                                      const admin::SetBudgetRequest* request,
                                      admin::PlanResponse* response) override;
  grpc::ServerUnaryReactor* Measure(grpc::CallbackServerContext* context,
                                    const admin::MeasureRequest* request,
                                    admin::MeasureResponse* response) override;
  grpc::ServerUnaryReactor* Trace(grpc::CallbackServerContext* context,
                                  const admin::TraceRequest* request,
                                  admin::TraceResponse* response) override;

 private:
  // Answers with what `answer` returns on the side thread, if the call is still
  // waited for when its turn comes.
  grpc::ServerUnaryReactor* Aside(grpc::CallbackServerContext* context,
                                  std::function<absl::Status()> answer);

  Engine* const engine_;
  Repository* const repository_;
  SideThread side_thread_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_ADMIN_SERVICE_H_
