// The RPCs that Triton adds to the protocol, as far as its clients call them.
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/serve/inference_service.h"
#include "daemon/serve/model_statistics.h"

namespace layerd {
namespace {

// "FP32" is TYPE_FP32 there. No model has text.
inference::DataType TypeOf(DataType dtype) {
  inference::DataType type = inference::TYPE_INVALID;
  inference::DataType_Parse(absl::StrCat("TYPE_", NameOf(dtype)), &type);
  return type;
}

template <typename Message>
void Describe(const Model::Port& port, Message* message) {
  message->set_name(port.name);
  message->set_data_type(TypeOf(port.dtype));
  message->mutable_dims()->Assign(port.shape.begin(), port.shape.end());
}

// KServe's clients send a model's name where Triton has the repository's.
template <typename Request>
absl::Status CheckName(const Request& request) {
  if (!request.model_name().empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      request.repository_name().empty()
          ? "model_name is empty"
          : "repository_name is set and model_name is empty: this server "
            "follows Triton's messages, in which the name of the model is "
            "field 2");
}

// A model comes from the repository's folder and nowhere else.
absl::Status CheckParameters(
    const inference::RepositoryModelLoadRequest& request) {
  if (request.parameters().empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat(
      "parameter '%s' is not supported: models and their configuration come "
      "from the repository's folder",
      request.parameters().begin()->first));
}

}  // namespace

grpc::ServerUnaryReactor* InferenceService::ModelConfig(
    grpc::CallbackServerContext*, const grpc::ByteBuffer* received,
    grpc::ByteBuffer* reply) {
  return AnswerSmall<inference::ModelConfigRequest,
                     inference::ModelConfigResponse>(
      received, reply,
      [this](const auto& request, auto* response) -> absl::Status {
        ASSIGN_OR_RETURN(const std::shared_ptr<Model> model,
                         repository_->Find(request.name(), request.version()));
        inference::ModelConfig* const config = response->mutable_config();
        config->set_name(model->name());
        config->set_platform("layerd");
        config->set_backend("layerd");
        config->mutable_version_policy()->mutable_all();
        for (const Model::Port& port : model->inputs()) {
          Describe(port, config->add_input());
        }
        for (const Model::Port& port : model->outputs()) {
          Describe(port, config->add_output());
        }
        inference::ModelInstanceGroup* const group =
            config->add_instance_group();
        group->set_name(model->name());
        group->set_count(1);
        group->set_kind(inference::ModelInstanceGroup::KIND_CPU);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* InferenceService::ModelStatistics(
    grpc::CallbackServerContext*, const grpc::ByteBuffer* received,
    grpc::ByteBuffer* reply) {
  return AnswerSmall<inference::ModelStatisticsRequest,
                     inference::ModelStatisticsResponse>(
      received, reply,
      [this](const auto& request, auto* response) -> absl::Status {
        bool found = request.name().empty();
        for (const ModelStatus& model : repository_->Index()) {
          if (!request.name().empty() && model.name != request.name()) continue;
          if (!request.version().empty() &&
              model.version != request.version()) {
            continue;
          }
          found = true;
          auto* const statistics = response->add_model_stats();
          statistics->set_name(model.name);
          statistics->set_version(model.version);
          Describe(*counts_.Of(model.name, model.version), statistics);
        }
        return found ? absl::OkStatus()
                     : repository_->Find(request.name(), request.version())
                           .status();
      });
}

grpc::ServerUnaryReactor* InferenceService::RepositoryIndex(
    grpc::CallbackServerContext*, const grpc::ByteBuffer* received,
    grpc::ByteBuffer* reply) {
  return AnswerSmall<inference::RepositoryIndexRequest,
                     inference::RepositoryIndexResponse>(
      received, reply,
      [this](const auto& request, auto* response) -> absl::Status {
        for (const ModelStatus& model : repository_->Index()) {
          if (request.ready() && model.state != ModelState::kReady) continue;
          auto* const entry = response->add_models();
          entry->set_name(model.name);
          entry->set_version(model.version);
          entry->set_state(NameOf(model.state));
          entry->set_reason(model.reason);
        }
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* InferenceService::RepositoryModelLoad(
    grpc::CallbackServerContext*, const grpc::ByteBuffer* received,
    grpc::ByteBuffer* reply) {
  return BeginSmall<inference::RepositoryModelLoadRequest,
                    inference::RepositoryModelLoadResponse>(
      received, reply, [this](const auto& request, auto*, const EndCall& end) {
        absl::Status status = CheckName(request);
        status.Update(CheckParameters(request));
        if (!status.ok()) return end(status);
        repository_->Load(request.model_name(), end);
      });
}

// `unload_dependents` has nothing to do here: no model depends on another.
grpc::ServerUnaryReactor* InferenceService::RepositoryModelUnload(
    grpc::CallbackServerContext*, const grpc::ByteBuffer* received,
    grpc::ByteBuffer* reply) {
  return BeginSmall<inference::RepositoryModelUnloadRequest,
                    inference::RepositoryModelUnloadResponse>(
      received, reply, [this](const auto& request, auto*, const EndCall& end) {
        const absl::Status status = CheckName(request);
        if (!status.ok()) return end(status);
        repository_->Unload(request.model_name(), end);
      });
}

}  // namespace layerd
