#ifndef LAYERD_DAEMON_SERVE_INFER_REQUEST_H_
#define LAYERD_DAEMON_SERVE_INFER_REQUEST_H_

#include <grpcpp/support/byte_buffer.h>

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

// One inference that was asked for, from its arrival until its answer has been
// given away; on whatever kind of call (infer_call.h).
//
// Why from raw bytes: what is refused for its model or its time is refused by
// the head of the request (request_parse.h), before its tensors are copied.
//
// Ownership: of who asks, once it is answered. What was received is his and
//            lives as long; its bytes are given back as soon as they are
//            parsed.
// Threading: Start() on a gRPC thread; the job's `done` on the executor's
//            thread, which only hands it over; the answer from either Start()
//            or the reply thread. `cancelled` may become true on any.
class InferRequest final : private ReplyThread::Reply {
 public:
  // What all requests share.
  struct Shared {
    Engine* engine;
    const Repository* repository;
    RequestMemory* memory;
    RequestCounts* counts;
    ReplyThread* replies;
    const std::atomic<bool>* draining;
  };
  class Asker {
   public:
    // Once. The request may end itself meanwhile.
    virtual void Answered(const absl::Status& status) = 0;

   protected:
    ~Asker() = default;
  };
  // What is known of the call that it came with.
  struct Asked {
    Asker* by;
    grpc::ByteBuffer* received;
    Instant deadline;  // Instant::max(): none.
    std::shared_ptr<std::atomic<bool>> cancelled;
  };
  InferRequest(const Asked& asked, const Shared& shared)
      : asked_(asked), shared_(shared) {}
  // The answer has gone, or never will.
  ~InferRequest();

  void Start();

  // Of who has the answer. Of one that was refused it has nothing but the id,
  // if that was known.
  inference::ModelInferResponse* response() { return &response_; }

 private:
  void Send() override;
  void Refuse(const absl::Status& reason);

  absl::Status Submit();
  absl::Status FindModel();
  // The tensors, once admission has said yes to the head.
  absl::Status TakeTensors(const Model& model);
  absl::Status TakeMemory(const Model& model);
  // Without inputs and outputs.
  std::unique_ptr<Job> MakeJob(std::shared_ptr<Model> model);
  void DescribeOutputs(const Model& model);
  void NoteEnd(absl::StatusCode code);

  const Asked asked_;
  const Shared shared_;
  inference::ModelInferRequest request_;
  inference::ModelInferResponse response_;
  ModelCounts* model_counts_ = nullptr;  // Once it is known whose.
  const Instant arrival_ = std::chrono::steady_clock::now();
  Instant submitted_{};
  bool has_job_ = false;
  int level_ = 0;
  absl::StatusCode refused_ = absl::StatusCode::kOk;
  // Of the job, once it is done.
  absl::Status status_;
  JobStats stats_;
  Instant done_{};
  std::shared_ptr<Model> model_;
  uint64_t taken_bytes_ = 0;
  CheckedRequest checked_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_INFER_REQUEST_H_
