#include "daemon/ctl/client.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "admin.grpc.pb.h"
#include "config/status_macros.h"
#include "daemon/plan/memory_plan.h"
#include "health.pb.h"
#include "open_inference.grpc.pb.h"
#include "probes.pb.h"

namespace layerd {
namespace {

using std::chrono::system_clock;

constexpr char kUnixPrefix[] = "unix:";
constexpr char kHealthCheck[] = "/grpc.health.v1.Health/Check";
constexpr char kReflection[] =
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";

// By gRPC, for its memory quota: a stream is reset, or cancelled by the server,
// with no words of layerd's, which has some for all that it ends itself.
bool EndedForMemory(const grpc::Status& status) {
  if (status.error_code() == grpc::StatusCode::CANCELLED) {
    return status.error_message() == "CANCELLED";
  }
  return status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED &&
         status.error_message().find("RST_STREAM") != std::string::npos;
}

absl::Status CheckAddress(const std::string& address) {
  if (address.starts_with(kUnixPrefix)) {
    if (address.size() > sizeof(kUnixPrefix) - 1) return absl::OkStatus();
  } else if (const size_t colon = address.rfind(':');
             colon != std::string::npos && colon > 0 &&
             address.find('/') == std::string::npos) {  // http://HOST:PORT
    uint32_t port = 0;
    if (absl::SimpleAtoi(address.substr(colon + 1), &port) && port > 0 &&
        port <= UINT16_MAX) {
      return absl::OkStatus();
    }
  }
  return absl::InvalidArgumentError(absl::StrFormat(
      "address '%s': expected HOST:PORT or unix:PATH", address));
}

grpc::ChannelArguments ChannelOptions() {
  grpc::ChannelArguments options;
  options.SetMaxReceiveMessageSize(-1);
  options.SetMaxSendMessageSize(-1);
  // A proxy of the environment is not meant for a daemon next door.
  options.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return options;
}

Client::Tensor ToTensor(
    const inference::ModelInferResponse::InferOutputTensor& output,
    std::string bytes) {
  return {output.name(), output.datatype(),
          std::vector<int64_t>(output.shape().begin(), output.shape().end()),
          std::move(bytes)};
}

absl::StatusOr<Client::Reply> ToReply(inference::ModelInferResponse* response) {
  if (response->raw_output_contents_size() != response->outputs_size()) {
    return absl::InternalError(absl::StrFormat(
        "the reply has %d outputs and %d raw contents",
        response->outputs_size(), response->raw_output_contents_size()));
  }
  Client::Reply reply;
  reply.version = response->model_version();
  for (int i = 0; i < response->outputs_size(); ++i) {
    reply.outputs.push_back(
        ToTensor(response->outputs(i),
                 std::move(*response->mutable_raw_output_contents(i))));
  }
  for (const auto& [key, parameter] : response->parameters()) {
    if (parameter.has_int64_param()) {
      reply.parameters[key] = parameter.int64_param();
    }
  }
  return reply;
}

inference::ModelInferRequest ToMessage(const Client::Request& request) {
  inference::ModelInferRequest message;
  message.set_model_name(request.model);
  message.set_model_version(request.version);
  for (const Client::Tensor& tensor : request.inputs) {
    auto* input = message.add_inputs();
    input->set_name(tensor.name);
    input->set_datatype(tensor.datatype);
    input->mutable_shape()->Assign(tensor.shape.begin(), tensor.shape.end());
    message.add_raw_input_contents(tensor.bytes);
  }
  for (const std::string& name : request.outputs) {
    message.add_outputs()->set_name(name);
  }
  auto& parameters = *message.mutable_parameters();
  if (request.priority) {
    parameters["priority"].set_uint64_param(*request.priority);
  }
  if (request.timeout) {
    parameters["timeout"].set_int64_param(request.timeout->count());
  }
  return message;
}

std::vector<Client::Port> ToPorts(const auto& tensors) {
  std::vector<Client::Port> ports;
  for (const auto& tensor : tensors) {
    ports.push_back(
        {tensor.name(), tensor.datatype(),
         std::vector<int64_t>(tensor.shape().begin(), tensor.shape().end())});
  }
  return ports;
}

std::vector<std::string> ToStrings(const auto& strings) {
  return std::vector<std::string>(strings.begin(), strings.end());
}

double MeanMs(const inference::StatisticDuration& duration) {
  if (duration.count() == 0) return 0;
  return 1e-6 * static_cast<double>(duration.ns()) /
         static_cast<double>(duration.count());
}

grpc::ByteBuffer ToBuffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

absl::StatusOr<std::string> FromBuffer(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  if (buffer.Valid() && !buffer.Dump(&slices).ok()) {
    return absl::InternalError("the response cannot be decompressed");
  }
  std::string bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

}  // namespace

struct Client::Impl {
  Impl(const std::string& address, std::chrono::milliseconds patience)
      : address(address),
        patience(patience),
        channel(grpc::CreateCustomChannel(
            address, grpc::InsecureChannelCredentials(), ChannelOptions())),
        inference(inference::GRPCInferenceService::NewStub(channel)),
        admin(admin::Admin::NewStub(channel)),
        generic(channel) {}

  // Makes one call of a stub, which may take as long as it takes.
  template <typename Stub, typename Method, typename Request, typename Response>
  absl::Status Call(
      Stub* stub, Method method, const Request& request, Response* response,
      std::optional<system_clock::duration> deadline = std::nullopt) {
    grpc::ClientContext context;
    if (deadline) context.set_deadline(system_clock::now() + *deadline);
    return ToStatus((stub->*method)(&context, request, response));
  }

  // The same of one that is answered at once.
  template <typename Stub, typename Method, typename Request, typename Response>
  absl::Status Ask(Stub* stub, Method method, const Request& request,
                   Response* response) {
    const absl::Status status = Call(stub, method, request, response, patience);
    if (!absl::IsDeadlineExceeded(status)) return status;
    return absl::UnavailableError(absl::StrFormat(
        "nobody has answered at %s for %s: layerd is stopped, or the machine "
        "has no time for it; ask again",
        address, absl::FormatDuration(absl::FromChrono(patience))));
  }

  absl::Status ToStatus(const grpc::Status& status) {
    if (status.ok()) return absl::OkStatus();
    const auto code = static_cast<absl::StatusCode>(status.error_code());
    const grpc_connectivity_state state = channel->GetState(false);
    const bool reached = state == GRPC_CHANNEL_READY;
    if (code == absl::StatusCode::kUnavailable && !reached) {
      return absl::UnavailableError(
          absl::StrFormat("nobody answers at %s; is layerd running? (%s)",
                          address, status.error_message()));
    }
    if (EndedForMemory(status)) {
      return absl::ResourceExhaustedError(absl::StrFormat(
          "layerd ended the call before it had come in whole: requests on "
          "their "
          "way take all the memory that they may (it grows with "
          "memory.requests). Send it again later (%s)",
          status.error_message()));
    }
    const absl::Status told(code, status.error_message());
    uint64_t minimum_bytes = 0;
    const bool is_minimum =
        code == absl::StatusCode::kResourceExhausted &&
        absl::SimpleAtoi(status.error_details(), &minimum_bytes);
    return is_minimum ? WithMinimumBudget(told, minimum_bytes) : told;
  }

  const std::string address;
  const std::chrono::milliseconds patience;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<inference::GRPCInferenceService::Stub> inference;
  std::unique_ptr<admin::Admin::Stub> admin;
  grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer> generic;
};

absl::StatusOr<std::unique_ptr<Client>> Client::Connect(
    const std::string& address, std::chrono::milliseconds patience) {
  RETURN_IF_ERROR(CheckAddress(address));
  return std::unique_ptr<Client>(new Client(address, patience));
}

Client::Client(const std::string& address, std::chrono::milliseconds patience)
    : address_(address), impl_(std::make_unique<Impl>(address, patience)) {}

Client::~Client() = default;

absl::StatusOr<admin::StatusResponse> Client::Status() {
  admin::StatusResponse response;
  RETURN_IF_ERROR(impl_->Ask(impl_->admin.get(), &admin::Admin::Stub::Status,
                             admin::StatusRequest(), &response));
  return response;
}

absl::StatusOr<admin::TraceResponse> Client::Trace() {
  admin::TraceResponse response;
  RETURN_IF_ERROR(impl_->Call(impl_->admin.get(), &admin::Admin::Stub::Trace,
                              admin::TraceRequest(), &response));
  return response;
}

absl::StatusOr<admin::PlanResponse> Client::Plan() {
  admin::PlanResponse response;
  RETURN_IF_ERROR(impl_->Call(impl_->admin.get(), &admin::Admin::Stub::Plan,
                              admin::PlanRequest(), &response));
  return response;
}

absl::StatusOr<admin::PlanResponse> Client::SetBudget(
    std::optional<uint64_t> memory_bytes,
    std::optional<uint64_t> weight_bytes) {
  admin::SetBudgetRequest request;
  if (memory_bytes) request.set_memory_budget_bytes(*memory_bytes);
  if (weight_bytes) request.set_weight_budget_bytes(*weight_bytes);
  admin::PlanResponse response;
  RETURN_IF_ERROR(impl_->Call(
      impl_->admin.get(), &admin::Admin::Stub::SetBudget, request, &response));
  return response;
}

using Stub = inference::GRPCInferenceService::Stub;

absl::Status Client::Load(const std::string& model) {
  inference::RepositoryModelLoadRequest request;
  request.set_model_name(model);
  inference::RepositoryModelLoadResponse response;
  return impl_->Call(impl_->inference.get(), &Stub::RepositoryModelLoad,
                     request, &response);
}

absl::Status Client::Unload(const std::string& model) {
  inference::RepositoryModelUnloadRequest request;
  request.set_model_name(model);
  inference::RepositoryModelUnloadResponse response;
  return impl_->Call(impl_->inference.get(), &Stub::RepositoryModelUnload,
                     request, &response);
}

absl::Status Client::MeasureAgain(const std::string& model) {
  admin::MeasureRequest request;
  request.set_model_name(model);
  admin::MeasureResponse response;
  return impl_->Call(impl_->admin.get(), &admin::Admin::Stub::Measure, request,
                     &response);
}

absl::StatusOr<std::vector<Client::ModelCounts>> Client::Statistics(
    const std::string& model) {
  inference::ModelStatisticsRequest request;
  request.set_name(model);
  inference::ModelStatisticsResponse response;
  RETURN_IF_ERROR(impl_->Ask(impl_->inference.get(), &Stub::ModelStatistics,
                             request, &response));
  std::vector<ModelCounts> all;
  for (const inference::ModelStatistics& stats : response.model_stats()) {
    const inference::InferStatistics& times = stats.inference_stats();
    all.push_back({.name = stats.name(),
                   .version = stats.version(),
                   .successes = times.success().count(),
                   .failures = times.fail().count(),
                   .last_ms = stats.last_inference(),
                   .queue_ms = MeanMs(times.queue()),
                   .infer_ms = MeanMs(times.compute_infer()),
                   .total_ms = MeanMs(times.success())});
  }
  return all;
}

absl::StatusOr<bool> Client::ServerLive() {
  inference::ServerLiveResponse response;
  RETURN_IF_ERROR(impl_->Ask(impl_->inference.get(), &Stub::ServerLive,
                             inference::ServerLiveRequest(), &response));
  return response.live();
}

absl::StatusOr<bool> Client::ServerReady() {
  inference::ServerReadyResponse response;
  RETURN_IF_ERROR(impl_->Ask(impl_->inference.get(), &Stub::ServerReady,
                             inference::ServerReadyRequest(), &response));
  return response.ready();
}

absl::StatusOr<bool> Client::ModelReady(const std::string& model,
                                        const std::string& version) {
  inference::ModelReadyRequest request;
  request.set_name(model);
  request.set_version(version);
  inference::ModelReadyResponse response;
  RETURN_IF_ERROR(impl_->Ask(impl_->inference.get(), &Stub::ModelReady, request,
                             &response));
  return response.ready();
}

absl::StatusOr<Client::ServerDescription> Client::ServerMetadata() {
  inference::ServerMetadataResponse response;
  RETURN_IF_ERROR(impl_->Ask(impl_->inference.get(), &Stub::ServerMetadata,
                             inference::ServerMetadataRequest(), &response));
  return ServerDescription{response.name(), response.version(),
                           ToStrings(response.extensions())};
}

absl::StatusOr<Client::ModelDescription> Client::ModelMetadata(
    const std::string& model, const std::string& version) {
  inference::ModelMetadataRequest request;
  request.set_name(model);
  request.set_version(version);
  inference::ModelMetadataResponse response;
  RETURN_IF_ERROR(impl_->Ask(impl_->inference.get(), &Stub::ModelMetadata,
                             request, &response));
  return ModelDescription{
      response.name(), response.platform(), ToStrings(response.versions()),
      ToPorts(response.inputs()), ToPorts(response.outputs())};
}

absl::StatusOr<Client::Reply> Client::Infer(const Request& request) {
  inference::ModelInferResponse response;
  RETURN_IF_ERROR(impl_->Call(impl_->inference.get(), &Stub::ModelInfer,
                              ToMessage(request), &response, request.deadline));
  return ToReply(&response);
}

absl::StatusOr<std::string> Client::Call(const std::string& method,
                                         const std::string& request) {
  grpc::ClientContext context;
  context.set_deadline(system_clock::now() + impl_->patience);
  grpc::CompletionQueue queue;
  const auto call = impl_->generic.PrepareUnaryCall(&context, method,
                                                    ToBuffer(request), &queue);
  call->StartCall();
  grpc::ByteBuffer response;
  grpc::Status status;
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  RETURN_IF_ERROR(impl_->ToStatus(status));
  return FromBuffer(response);
}

absl::StatusOr<std::string> Client::Health(const std::string& service) {
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(service);
  ASSIGN_OR_RETURN(const std::string bytes,
                   Call(kHealthCheck, request.SerializeAsString()));
  grpc::health::v1::HealthCheckResponse response;
  if (!response.ParseFromString(bytes)) {
    return absl::InternalError("the health response is no protobuf");
  }
  return grpc::health::v1::HealthCheckResponse::ServingStatus_Name(
      response.status());
}

// The method is a stream of both sides; with one message each it looks like a
// unary one on the wire.
absl::StatusOr<std::vector<std::string>> Client::Services() {
  probes::ServerReflectionRequest request;
  request.set_list_services("*");
  ASSIGN_OR_RETURN(const std::string bytes,
                   Call(kReflection, request.SerializeAsString()));
  probes::ServerReflectionResponse response;
  if (!response.ParseFromString(bytes)) {
    return absl::InternalError("the reflection response is no protobuf");
  }
  std::vector<std::string> names;
  for (const auto& service : response.list_services_response().service()) {
    names.push_back(service.name());
  }
  return names;
}

std::string Serialize(const Client::Request& request) {
  return ToMessage(request).SerializeAsString();
}

}  // namespace layerd
