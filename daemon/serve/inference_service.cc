#include "daemon/serve/inference_service.h"

#include "config/version.h"
#include "daemon/serve/grpc_status.h"
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
                                   uint64_t request_bytes_max)
    : engine_(engine),
      repository_(repository),
      request_memory_(request_bytes_max) {}

grpc::ServerUnaryReactor* InferenceService::ServerLive(
    grpc::CallbackServerContext* context, const inference::ServerLiveRequest*,
    inference::ServerLiveResponse* response) {
  response->set_live(true);
  return Answer(context, absl::OkStatus());
}

grpc::ServerUnaryReactor* InferenceService::ServerReady(
    grpc::CallbackServerContext* context, const inference::ServerReadyRequest*,
    inference::ServerReadyResponse* response) {
  response->set_ready(ready());
  return Answer(context, absl::OkStatus());
}

// As in Triton: a model that is known and not ready is false, not an error.
grpc::ServerUnaryReactor* InferenceService::ModelReady(
    grpc::CallbackServerContext* context,
    const inference::ModelReadyRequest* request,
    inference::ModelReadyResponse* response) {
  const auto model = repository_->Find(request->name(), request->version());
  if (absl::IsNotFound(model.status())) {
    return Answer(context, model.status());
  }
  response->set_ready(model.ok() && !draining_.load());
  return Answer(context, absl::OkStatus());
}

grpc::ServerUnaryReactor* InferenceService::ServerMetadata(
    grpc::CallbackServerContext* context,
    const inference::ServerMetadataRequest*,
    inference::ServerMetadataResponse* response) {
  response->set_name("layerd");
  response->set_version(kVersion);
  for (const char* extension :
       {"model_repository", "schedule_policy", "model_configuration",
        "parameters", "statistics", "layerd.memory"}) {
    response->add_extensions(extension);
  }
  return Answer(context, absl::OkStatus());
}

grpc::ServerUnaryReactor* InferenceService::ModelMetadata(
    grpc::CallbackServerContext* context,
    const inference::ModelMetadataRequest* request,
    inference::ModelMetadataResponse* response) {
  const auto model = repository_->Find(request->name(), request->version());
  if (!model.ok()) return Answer(context, model.status());
  response->set_name((*model)->name());
  response->set_platform("layerd");
  for (const ModelStatus& status : repository_->Index()) {
    if (status.name == (*model)->name() && status.state == ModelState::kReady) {
      response->add_versions(status.version);
    }
  }
  for (const auto& port : (*model)->inputs()) {
    Describe(port, response->add_inputs());
  }
  for (const auto& port : (*model)->outputs()) {
    Describe(port, response->add_outputs());
  }
  return Answer(context, absl::OkStatus());
}

grpc::ServerUnaryReactor* InferenceService::ModelInfer(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* received,
    grpc::ByteBuffer* reply) {
  // gRPC's own holder of it is not const, and nobody else looks at it.
  auto* call = new InferCall(context, const_cast<grpc::ByteBuffer*>(received),
                             reply, {&request_memory_, &counts_, &replies_});
  if (draining_.load()) {
    call->Refuse(absl::UnavailableError("the server is shutting down"));
  } else {
    call->Start(engine_, *repository_);
  }
  return call;
}

}  // namespace layerd
