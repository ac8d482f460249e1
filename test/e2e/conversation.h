#ifndef LAYERD_TEST_E2E_CONVERSATION_H_
#define LAYERD_TEST_E2E_CONVERSATION_H_

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "admin.pb.h"
#include "open_inference.pb.h"
#include "test/e2e/wire_client.h"

namespace layerd {

inline constexpr char kInferMethod[] =
    "/inference.GRPCInferenceService/ModelInfer";

// A request with one input of FP32, sent raw.
inference::ModelInferRequest RawRequest(const std::string& model,
                                        const std::string& input,
                                        const std::vector<int64_t>& shape,
                                        std::span<const float> values);

absl::StatusOr<inference::ModelInferResponse> Infer(
    WireClient* client, const inference::ModelInferRequest& request);

// The values of the first output. REQUIRES: it is FP32.
std::vector<float> FirstOutput(const inference::ModelInferResponse& response);

// What the daemon tells about itself; a daemon that does not fails the test.
admin::StatusResponse AskStatus(WireClient* client);
admin::ModelStatus AskStatusOf(WireClient* client, const std::string& model);

// ServerReady, and gRPC's own health of the whole server.
bool AskReady(WireClient* client);
bool AskHealth(WireClient* client);

}  // namespace layerd

#endif  // LAYERD_TEST_E2E_CONVERSATION_H_
