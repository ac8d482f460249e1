#ifndef LAYERD_DAEMON_SERVE_INFERENCE_SERVICE_H_
#define LAYERD_DAEMON_SERVE_INFERENCE_SERVICE_H_

#include <atomic>
#include <string>

#include "daemon/engine/engine.h"
#include "daemon/engine/repository.h"
#include "daemon/serve/answering_stream.h"
#include "daemon/serve/infer_request.h"
#include "daemon/serve/reply_thread.h"
#include "daemon/serve/request_counts.h"
#include "daemon/serve/request_memory.h"
#include "daemon/serve/small_call.h"
#include "open_inference.grpc.pb.h"

namespace layerd {

using Protocol = inference::GRPCInferenceService;
using RawInferenceService =
    RawService<Protocol::Service, Protocol::WithRawCallbackMethod_ServerLive,
               Protocol::WithRawCallbackMethod_ServerReady,
               Protocol::WithRawCallbackMethod_ModelReady,
               Protocol::WithRawCallbackMethod_ServerMetadata,
               Protocol::WithRawCallbackMethod_ModelMetadata,
               Protocol::WithRawCallbackMethod_ModelInfer,
               Protocol::WithRawCallbackMethod_ModelStreamInfer,
               Protocol::WithRawCallbackMethod_ModelConfig,
               Protocol::WithRawCallbackMethod_ModelStatistics,
               Protocol::WithRawCallbackMethod_RepositoryIndex,
               Protocol::WithRawCallbackMethod_RepositoryModelLoad,
               Protocol::WithRawCallbackMethod_RepositoryModelUnload>;

// The Open Inference Protocol before the engine: checks a request, makes a job
// with an absolute deadline of it, and sends what the job left.
//
// Why the callback API: a request that waits for its turn holds no thread.
//
// Ownership: engine, repository and `open` outlive the service.
// Threading: gRPC's threads call in; a job answers from the reply thread.
class InferenceService final : public RawInferenceService {
 public:
  InferenceService(Engine* engine, Repository* repository,
                   uint64_t request_bytes_max, OpenStreams* open);

  // From now on ServerReady is false and inferences are UNAVAILABLE.
  void BeginDrain() { draining_.store(true); }
  bool ready() const { return !draining_.load() && repository_->ready(); }

  const RequestCounts& counts() const { return counts_; }
  const RequestMemory& request_memory() const { return request_memory_; }

  grpc::ServerUnaryReactor* ServerLive(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* received,
                                       grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* ServerReady(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* received,
                                        grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* ModelReady(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* received,
                                       grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* ServerMetadata(grpc::CallbackServerContext* context,
                                           const grpc::ByteBuffer* received,
                                           grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* ModelMetadata(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* received,
                                          grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* ModelInfer(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* received,
                                       grpc::ByteBuffer* reply) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* ModelStreamInfer(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* ModelConfig(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* received,
                                        grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* ModelStatistics(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* received,
      grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* RepositoryIndex(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* received,
      grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* RepositoryModelLoad(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* received,
      grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* RepositoryModelUnload(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* received,
      grpc::ByteBuffer* reply) override;

 private:
  InferRequest::Shared shared();

  Engine* const engine_;
  Repository* const repository_;
  OpenStreams* const open_;
  RequestCounts counts_;
  RequestMemory request_memory_;
  ReplyThread replies_;
  std::atomic<bool> draining_{false};
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_INFERENCE_SERVICE_H_
