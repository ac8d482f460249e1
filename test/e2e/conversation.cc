#include "test/e2e/conversation.h"

#include <cstring>

#include "config/check.h"

namespace layerd {
namespace {

template <typename Reply>
Reply Parsed(const absl::StatusOr<std::string>& bytes) {
  LAYERD_CHECK(bytes.ok(), bytes.status().ToString());
  Reply reply;
  LAYERD_CHECK(reply.ParseFromString(*bytes));
  return reply;
}

}  // namespace

inference::ModelInferRequest RawRequest(const std::string& model,
                                        const std::string& input,
                                        const std::vector<int64_t>& shape,
                                        std::span<const float> values) {
  inference::ModelInferRequest request;
  request.set_model_name(model);
  auto* tensor = request.add_inputs();
  tensor->set_name(input);
  tensor->set_datatype("FP32");
  tensor->mutable_shape()->Assign(shape.begin(), shape.end());
  const auto bytes = std::as_bytes(values);
  request.add_raw_input_contents(reinterpret_cast<const char*>(bytes.data()),
                                 bytes.size());
  return request;
}

absl::StatusOr<inference::ModelInferResponse> Infer(
    WireClient* client, const inference::ModelInferRequest& request) {
  const auto bytes = client->Ask(kInferMethod, request.SerializeAsString());
  if (!bytes.ok()) return bytes.status();
  return Parsed<inference::ModelInferResponse>(bytes);
}

std::vector<float> FirstOutput(const inference::ModelInferResponse& response) {
  LAYERD_CHECK(response.outputs_size() > 0 &&
               response.outputs(0).datatype() == "FP32");
  const std::string& raw = response.raw_output_contents(0);
  std::vector<float> values(raw.size() / sizeof(float));
  std::memcpy(values.data(), raw.data(), raw.size());
  return values;
}

admin::StatusResponse AskStatus(WireClient* client) {
  return Parsed<admin::StatusResponse>(
      client->Ask("/layerd.admin.Admin/Status", ""));
}

admin::ModelStatus AskStatusOf(WireClient* client, const std::string& model) {
  const admin::StatusResponse all = AskStatus(client);
  for (const admin::ModelStatus& status : all.models()) {
    if (status.name() == model) return status;
  }
  return {};
}

bool AskReady(WireClient* client) {
  return Parsed<inference::ServerReadyResponse>(
             client
                 ->Begin("/inference.GRPCInferenceService/ServerReady", "",
                         std::chrono::minutes(1), true)
                 ->Answer())
      .ready();
}

bool AskHealth(WireClient* client) {
  const auto reply = client
                         ->Begin("/grpc.health.v1.Health/Check", "",
                                 std::chrono::minutes(1), true)
                         ->Answer();
  LAYERD_CHECK(reply.ok(), reply.status().ToString());
  constexpr char kServing[] = "\x08\x01";  // Field 1, SERVING.
  return *reply == kServing;
}

}  // namespace layerd
