#include "daemon/serve/inference_service.h"

#include "config/status_macros.h"
#include "config/version.h"
#include "daemon/serve/infer_call.h"

namespace layerd {
namespace {

void Describe(const Model::Port& port,
              inference::ModelMetadataResponse::TensorMetadata* metadata) {
  metadata->set_name(port.name);
  metadata->set_datatype(NameOf(port.dtype));
  metadata->mutable_shape()->Assign(port.shape.begin(), port.shape.end());
}

}  // namespace

InferenceService::InferenceService(Engine* engine, Repository* repository,
                                   uint64_t request_bytes_max,
                                   OpenStreams* open)
    : engine_(engine),
      repository_(repository),
      open_(open),
      request_memory_(request_bytes_max) {}

InferRequest::Shared InferenceService::shared() {
  return {engine_,  repository_, &request_memory_,
          &counts_, &replies_,   &draining_};
}

grpc::ServerUnaryReactor* InferenceService::ServerLive(
    grpc::CallbackServerContext*, const grpc::ByteBuffer* received,
    grpc::ByteBuffer* reply) {
  return AnswerSmall<inference::ServerLiveRequest,
                     inference::ServerLiveResponse>(
      received, reply, [](const auto&, auto* response) -> absl::Status {
        response->set_live(true);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* InferenceService::ServerReady(
    grpc::CallbackServerContext*, const grpc::ByteBuffer* received,
    grpc::ByteBuffer* reply) {
  return AnswerSmall<inference::ServerReadyRequest,
                     inference::ServerReadyResponse>(
      received, reply, [this](const auto&, auto* response) -> absl::Status {
        response->set_ready(ready());
        return absl::OkStatus();
      });
}

// As in Triton: a model that is known and not ready is false, not an error.
grpc::ServerUnaryReactor* InferenceService::ModelReady(
    grpc::CallbackServerContext*, const grpc::ByteBuffer* received,
    grpc::ByteBuffer* reply) {
  return AnswerSmall<inference::ModelReadyRequest,
                     inference::ModelReadyResponse>(
      received, reply,
      [this](const auto& request, auto* response) -> absl::Status {
        const auto model = repository_->Find(request.name(), request.version());
        if (absl::IsNotFound(model.status())) return model.status();
        response->set_ready(model.ok() && !draining_.load());
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* InferenceService::ServerMetadata(
    grpc::CallbackServerContext*, const grpc::ByteBuffer* received,
    grpc::ByteBuffer* reply) {
  return AnswerSmall<inference::ServerMetadataRequest,
                     inference::ServerMetadataResponse>(
      received, reply, [](const auto&, auto* response) -> absl::Status {
        response->set_name("layerd");
        response->set_version(kVersion);
        for (const char* extension :
             {"model_repository", "schedule_policy", "model_configuration",
              "parameters", "statistics", "layerd.memory"}) {
          response->add_extensions(extension);
        }
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* InferenceService::ModelMetadata(
    grpc::CallbackServerContext*, const grpc::ByteBuffer* received,
    grpc::ByteBuffer* reply) {
  return AnswerSmall<inference::ModelMetadataRequest,
                     inference::ModelMetadataResponse>(
      received, reply,
      [this](const auto& request, auto* response) -> absl::Status {
        ASSIGN_OR_RETURN(const std::shared_ptr<Model> model,
                         repository_->Find(request.name(), request.version()));
        response->set_name(model->name());
        response->set_platform("layerd");
        for (const ModelStatus& status : repository_->Index()) {
          if (status.name == model->name() &&
              status.state == ModelState::kReady) {
            response->add_versions(status.version);
          }
        }
        for (const auto& port : model->inputs()) {
          Describe(port, response->add_inputs());
        }
        for (const auto& port : model->outputs()) {
          Describe(port, response->add_outputs());
        }
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* InferenceService::ModelInfer(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* received,
    grpc::ByteBuffer* reply) {
  // gRPC's own holder of it is not const, and nobody else looks at it.
  return new InferCall(context, const_cast<grpc::ByteBuffer*>(received), reply,
                       shared());
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>*
InferenceService::ModelStreamInfer(grpc::CallbackServerContext* context) {
  return new InferStream(context, shared(), open_);
}

}  // namespace layerd
