#ifndef LAYERD_DAEMON_SERVE_INFER_CALL_H_
#define LAYERD_DAEMON_SERVE_INFER_CALL_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <memory>
#include <vector>

#include "daemon/engine/engine.h"
#include "daemon/engine/repository.h"
#include "daemon/serve/reply_thread.h"
#include "daemon/serve/request_check.h"
#include "daemon/serve/request_counts.h"
#include "daemon/serve/request_memory.h"

namespace layerd {

// One ModelInfer from its arrival to its reply.
//
// Why from raw bytes: what is refused for its model or its time is refused by
// the head of the request (request_parse.h), before its tensors are copied.
//
// Ownership: gRPC's, until OnDone(), where it ends itself. Context, reply and
//            what was received are gRPC's and live as long; the bytes received
//            are given back as soon as they are parsed.
// Threading: Start() on a gRPC thread; the job's `done` on the executor's
//            thread, which only hands it over; Send() on the reply thread;
//            OnCancel() on any. They share `cancelled_`.
class InferCall final : public grpc::ServerUnaryReactor,
                        private ReplyThread::Reply {
 public:
  // What all calls share.
  struct Shared {
    RequestMemory* memory;
    RequestCounts* counts;
    ReplyThread* replies;
  };
  InferCall(grpc::CallbackServerContext* context, grpc::ByteBuffer* received,
            grpc::ByteBuffer* reply, const Shared& shared);

  void Start(Engine* engine, const Repository& repository);
  // Instead of Start().
  void Refuse(const absl::Status& reason);

 private:
  void OnCancel() override { cancelled_->store(true); }
  void OnDone() override;
  void Send() override;

  absl::Status Submit(Engine* engine, const Repository& repository);
  // The tensors, once admission has said yes to the head.
  absl::Status TakeTensors(const Model& model);
  absl::Status TakeMemory(const Engine& engine, const Model& model);
  // Without inputs and outputs.
  std::unique_ptr<Job> MakeJob(std::shared_ptr<Model> model);
  void DescribeOutputs(const Model& model);
  void NoteEnd(absl::StatusCode code);

  grpc::CallbackServerContext* const context_;
  grpc::ByteBuffer* const received_;
  grpc::ByteBuffer* const reply_;
  inference::ModelInferRequest request_;
  inference::ModelInferResponse response_;
  const Shared shared_;
  ModelCounts* model_counts_ = nullptr;  // Once it is known whose.
  const Instant arrival_ = std::chrono::steady_clock::now();
  Instant submitted_{};
  Engine* engine_ = nullptr;  // Once there is a job.
  int level_ = 0;
  absl::StatusCode refused_ = absl::StatusCode::kOk;
  // Of the job, once it is done.
  absl::Status status_;
  JobStats stats_;
  Instant done_{};
  std::shared_ptr<Model> model_;
  uint64_t taken_bytes_ = 0;
  CheckedRequest checked_;
  std::shared_ptr<std::atomic<bool>> cancelled_ =
      std::make_shared<std::atomic<bool>>(false);
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_INFER_CALL_H_
