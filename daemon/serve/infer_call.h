#ifndef LAYERD_DAEMON_SERVE_INFER_CALL_H_
#define LAYERD_DAEMON_SERVE_INFER_CALL_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <memory>

#include "absl/status/status.h"
#include "daemon/serve/answering_stream.h"
#include "daemon/serve/infer_request.h"

namespace layerd {

// A ModelInfer: one request, one reply.
//
// Ownership: gRPC's, until OnDone(), where it ends itself. Context, reply and
//            what was received are gRPC's and live as long.
// Threading: OnCancel() on any thread; the rest as in infer_request.h.
class InferCall final : public grpc::ServerUnaryReactor,
                        private InferRequest::Asker {
 public:
  InferCall(grpc::CallbackServerContext* context, grpc::ByteBuffer* received,
            grpc::ByteBuffer* reply, const InferRequest::Shared& shared);

 private:
  void Answered(const absl::Status& status) override;
  void OnCancel() override { cancelled_->store(true); }
  void OnDone() override { delete this; }

  grpc::ByteBuffer* const reply_;
  const std::shared_ptr<std::atomic<bool>> cancelled_ =
      std::make_shared<std::atomic<bool>>(false);
  InferRequest request_;
};

// A ModelStreamInfer, as Triton has it: request after request on one call, one
// answer each, in their order. A request that fails is told of in its answer
// and the stream goes on, unless the client's metadata ask for a status
// (triton_grpc_error: true), which ends it.
//
// The call's deadline is that of each request: it began with the stream.
class InferStream final : public AnsweringStream, private InferRequest::Asker {
 public:
  InferStream(grpc::CallbackServerContext* context,
              const InferRequest::Shared& shared, OpenStreams* open);

 private:
  void Take(grpc::ByteBuffer* message) override;
  void Sent() override { request_.reset(); }
  void Answered(const absl::Status& status) override;
  void OnCancel() override { cancelled_->store(true); }

  grpc::CallbackServerContext* const context_;
  const InferRequest::Shared shared_;
  const bool error_ends_;
  const std::shared_ptr<std::atomic<bool>> cancelled_ =
      std::make_shared<std::atomic<bool>>(false);
  std::unique_ptr<InferRequest> request_;  // That is not answered.
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_INFER_CALL_H_
