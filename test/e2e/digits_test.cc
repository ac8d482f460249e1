#include "test/e2e/digits.h"

#include <algorithm>
#include <cstdio>
#include <optional>

#include "test/catch/catch.h"
#include "test/e2e/conversation.h"
#include "test/e2e/daemon_process.h"
#include "test/e2e/served_digits.h"

namespace layerd {
namespace {

// Weights at f32, of the ONNX file: what its README says.
constexpr uint64_t kWeightBytes = 440'936;
constexpr size_t kRightMin = 97;

// On a weight budget.
struct Served : ServedDigits {
  explicit Served(const std::string& weight_budget,
                  const std::string& io_engine = "auto")
      : ServedDigits({.flags = {"--weight-budget", weight_budget, "--io-engine",
                                io_engine, "--measure-costs", "false"}}) {}

  uint64_t ReadBytes() { return AskStatus(&*client).loading().read_bytes(); }
};

std::string AQuarter() { return std::to_string(kWeightBytes / 4); }

size_t Largest(const std::vector<float>& values) {
  return static_cast<size_t>(std::max_element(values.begin(), values.end()) -
                             values.begin());
}

// What the kernel counts, where it counts: a file system in memory reads
// nothing from any drive.
bool KernelCounts(const Served& served) {
  if (served.daemon->ReadBytes() > 0) return true;
  std::printf("SKIPPED: the kernel counts no reads on this file system\n");
  return false;
}

TEST_CASE("While a quarter of the weights is in memory, digits are read") {
  Served served(AQuarter());

  size_t right = 0;
  for (size_t digit = 0; digit < kDigits; ++digit) {
    INFO("digit " << digit);
    const auto logits = AskDigit(&*served.client, "digits", digit);
    REQUIRE(logits.ok());
    CHECK(Agrees(*logits, ExpectedLogits(digit)));
    right += Largest(*logits) == static_cast<size_t>(DigitLabel(digit));
  }

  CHECK(right >= kRightMin);
  const admin::Memory memory = AskStatus(&*served.client).memory();
  CHECK(memory.weight_bytes() == kWeightBytes);
  CHECK(memory.ring_bytes() + memory.head_bytes() <= kWeightBytes / 4);
}

TEST_CASE("A streaming model reads its weights for every request") {
  Served served(AQuarter());
  const admin::Memory memory = AskStatus(&*served.client).memory();
  const uint64_t streamed = memory.weight_bytes() - memory.head_bytes();
  const bool kernel_counts = KernelCounts(served);
  REQUIRE(AskDigit(&*served.client, "digits", 0).ok());

  for (size_t digit = 0; digit < 20; ++digit) {
    const uint64_t read_before = served.ReadBytes();
    const uint64_t kernel_before = served.daemon->ReadBytes();
    const auto response = Infer(&*served.client, DigitRequest("digits", digit));
    REQUIRE(response.ok());
    CHECK(served.ReadBytes() - read_before >= streamed);
    CHECK(response->parameters().at("layerd_read_bytes").int64_param() >=
          static_cast<int64_t>(streamed));
    if (kernel_counts) {
      CHECK(served.daemon->ReadBytes() - kernel_before >= streamed);
    }
  }
}

TEST_CASE("A resident model reads nothing after its first request") {
  Served served("all");
  REQUIRE(AskDigit(&*served.client, "digits", 0).ok());
  const uint64_t read_before = served.ReadBytes();
  const uint64_t kernel_before = served.daemon->ReadBytes();
  CHECK(read_before >= kWeightBytes);

  for (size_t digit = 0; digit < kDigits; ++digit) {
    REQUIRE(AskDigit(&*served.client, "digits", digit).ok());
  }

  CHECK(served.ReadBytes() == read_before);
  CHECK(served.daemon->ReadBytes() == kernel_before);
}

TEST_CASE("Streamed and resident answers have the same bytes") {
  Served streamed(AQuarter(), GENERATE("auto", "pread"));
  Served resident("all");

  for (size_t digit = 0; digit < kDigits; ++digit) {
    INFO("digit " << digit);
    const inference::ModelInferRequest request = DigitRequest("digits", digit);
    const auto one = Infer(&*streamed.client, request);
    const auto other = Infer(&*resident.client, request);
    REQUIRE(one.ok());
    REQUIRE(other.ok());
    CHECK(one->raw_output_contents(0) == other->raw_output_contents(0));
  }
}

TEST_CASE("An ONNX file in the repository is packed and served") {
  TestRepository repository;
  repository.AddOnnx("digits", ReadFile(kDigitsOnnx));
  DaemonProcess daemon(repository);
  REQUIRE(daemon.WaitUntilReady());
  WireClient client(daemon.address());

  const auto logits = AskDigit(&client, "digits", 0);
  REQUIRE(logits.ok());
  CHECK(Agrees(*logits, ExpectedLogits(0)));
}

TEST_CASE("model.yaml says how the daemon stores weights") {
  TestRepository repository;
  AddNarrowDigits(&repository);
  DaemonProcess daemon(repository);
  REQUIRE(daemon.WaitUntilReady());
  WireClient client(daemon.address());

  CHECK(AskStatus(&client).memory().decode_bytes() > 0);
  size_t right = 0;
  for (size_t digit = 0; digit < kDigits; ++digit) {
    const auto logits = AskDigit(&client, "digits", digit);
    REQUIRE(logits.ok());
    right += Largest(*logits) == static_cast<size_t>(DigitLabel(digit));
  }
  CHECK(right >= kRightMin);
}

}  // namespace
}  // namespace layerd
