#include <optional>
#include <thread>

#include "test/catch/catch.h"
#include "test/e2e/conversation.h"
#include "test/e2e/daemon_process.h"
#include "test/e2e/digits.h"
#include "test/e2e/tiny_onnx.h"

namespace layerd {
namespace {

// A quick model and one that computes for a while, in one daemon.
struct Served {
  Served() {
    repository.AddLayers("digits", DigitsLayers());
    repository.AddOnnx("slow", SlowOnnx(20));
    daemon.emplace(repository,
                   DaemonOptions{.flags = {"--weight-budget", "4MiB"}});
    REQUIRE(daemon->WaitUntilReady());
    client.emplace(daemon->address());
  }

  TestRepository repository;
  std::optional<DaemonProcess> daemon;
  std::optional<WireClient> client;
};

Served& TheDaemon() {
  static Served served;
  return served;
}

inference::ModelInferRequest SlowRequest() {
  static const std::vector<float> ones(kSlowElements, 1.0f);
  return RawRequest("slow", "x", {1, 64, 64, 64}, ones);
}

TEST_CASE("A request whose timeout is too short is told so") {
  Served& served = TheDaemon();
  for (inference::ModelInferRequest request :
       {DigitRequest("digits", 0), SlowRequest()}) {
    (*request.mutable_parameters())["timeout"].set_int64_param(1);
    const absl::Status status = Infer(&*served.client, request).status();
    CHECK(absl::IsDeadlineExceeded(status));
    CHECK_THAT(std::string(status.message()),
               Catch::Contains("the deadline passed"));
  }
  CHECK(AskDigit(&*served.client, "digits", 0).ok());
}

TEST_CASE("A timeout that is long enough changes nothing") {
  Served& served = TheDaemon();
  inference::ModelInferRequest request = DigitRequest("digits", 0);
  (*request.mutable_parameters())["timeout"].set_int64_param(30'000'000);
  CHECK(Infer(&*served.client, request).ok());
}

TEST_CASE("The client's gRPC deadline is the request's") {
  Served& served = TheDaemon();
  const auto call =
      served.client->Begin(kInferMethod, SlowRequest().SerializeAsString(),
                           std::chrono::milliseconds(3));
  CHECK(absl::IsDeadlineExceeded(call->Answer().status()));
  CHECK(AskDigit(&*served.client, "digits", 0).ok());
}

TEST_CASE("Cancelled requests leave the daemon well") {
  Served& served = TheDaemon();
  const std::string request = SlowRequest().SerializeAsString();
  for (int round = 0; round < 10; ++round) {
    std::vector<std::unique_ptr<WireClient::Call>> calls;
    for (int i = 0; i < 5; ++i) {
      calls.push_back(served.client->Begin(kInferMethod, request));
    }
    for (const auto& call : calls) call->Cancel();
    for (const auto& call : calls) {
      CHECK(absl::IsCancelled(call->Answer().status()));
    }
    const auto answer = AskDigit(&*served.client, "digits", 0);
    REQUIRE(answer.ok());
    CHECK(Agrees(*answer, ExpectedLogits(0)));
  }
}

TEST_CASE("Clients that vanish leave the daemon well") {
  Served& served = TheDaemon();
  const std::string request = SlowRequest().SerializeAsString();
  for (int i = 0; i < 5; ++i) {
    WireClient vanishing(served.daemon->address());
    vanishing.Begin(kInferMethod, request);  // And forgotten.
  }
  CHECK(AskDigit(&*served.client, "digits", 0).ok());
}

TEST_CASE("Eight clients at a time all get their own answers") {
  Served& served = TheDaemon();
  constexpr size_t kClients = 8, kRequests = 20;
  std::vector<size_t> right(kClients);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kClients; ++i) {
    threads.emplace_back([&served, &right, i] {
      WireClient client(served.daemon->address());
      for (size_t k = 0; k < kRequests; ++k) {
        const size_t digit = (i * kRequests + k) % kDigits;
        const auto answer = AskDigit(&client, "digits", digit);
        right[i] += answer.ok() && Agrees(*answer, ExpectedLogits(digit));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(right == std::vector<size_t>(kClients, kRequests));
}

TEST_CASE("More requests than wait at a time are told to come again") {
  Served& served = TheDaemon();
  const std::string request = SlowRequest().SerializeAsString();
  std::vector<std::unique_ptr<WireClient::Call>> calls;
  for (int i = 0; i < 40; ++i) {
    calls.push_back(served.client->Begin(kInferMethod, request));
  }
  size_t answered = 0, refused = 0;
  for (const auto& call : calls) {
    const absl::Status status = call->Answer().status();
    answered += status.ok();
    refused += absl::IsResourceExhausted(status);
  }
  CHECK(answered > 0);
  CHECK(refused > 0);  // 16 MiB of requests hold seven of these.
  CHECK(answered + refused == calls.size());
  CHECK(AskDigit(&*served.client, "digits", 0).ok());
}

}  // namespace
}  // namespace layerd
