// Clients that ask, and do not take what they are answered.
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "test/catch/catch.h"
#include "test/e2e/conversation.h"
#include "test/e2e/daemon_process.h"
#include "test/e2e/tiny_onnx.h"

namespace layerd {
namespace {

constexpr int kClients = 40;
constexpr uint64_t kTensorBytes = kSlowElements * sizeof(float);

uint64_t Successes(WireClient* client) {
  const auto bytes = client->Ask(
      "/inference.GRPCInferenceService/ModelStatistics", std::string());
  REQUIRE(bytes.ok());
  inference::ModelStatisticsResponse response;
  REQUIRE(response.ParseFromString(*bytes));
  REQUIRE(response.model_stats_size() == 1);
  return response.model_stats(0).inference_stats().success().count();
}

uint64_t ResidentBytes(const DaemonProcess& daemon) {
  return daemon.program().Number("status", "VmRSS") << 10;
}

// A sanitizer keeps freed memory.
bool IsInstrumented() {
  return std::getenv("ASAN_OPTIONS") != nullptr ||
         std::getenv("TSAN_OPTIONS") != nullptr;
}

TEST_CASE("Replies that wait for their clients take what was counted of them") {
  TestRepository repository;
  repository.AddOnnx("slow", SlowOnnx(1));
  DaemonProcess daemon(repository, {.flags = {"--request-memory", "96MiB",
                                              "--measure-costs", "false"}});
  REQUIRE(daemon.WaitUntilReady());
  WireClient client(daemon.address());
  const std::vector<float> ones(kSlowElements, 1.0f);
  const inference::ModelInferRequest request =
      RawRequest("slow", "x", {1, 64, 64, 64}, ones);
  REQUIRE(Infer(&client, request).ok());
  const uint64_t before = ResidentBytes(daemon);

  WireClient slow(daemon.address());
  std::vector<std::unique_ptr<WireClient::Stream>> replies;
  for (int i = 0; i < kClients; ++i) {
    replies.push_back(slow.OpenStream(kInferMethod));
    REQUIRE(replies.back()->Send(request.SerializeAsString()));
  }
  while (Successes(&client) < 1 + kClients) {
  }
  const uint64_t grown = ResidentBytes(daemon) - before;

  INFO("grown by " << (grown >> 20) << " MiB");
  if (!IsInstrumented()) {
    // An input and an output each, and what the allocator keeps beside them.
    // With the reply once more it is three.
    CHECK(grown < kClients * 5 / 2 * kTensorBytes);
  }
  for (const auto& reply : replies) CHECK(reply->Receive().ok());
}

}  // namespace
}  // namespace layerd
