#include <filesystem>

#include "test/catch/catch.h"
#include "test/e2e/conversation.h"
#include "test/e2e/daemon_process.h"
#include "test/e2e/digits.h"
#include "test/e2e/tiny_onnx.h"

namespace layerd {
namespace {

// Four floats, as ExternalOnnx() wants them beside it.
std::string Weights() {
  const float weights[] = {10, 20, 30, 40};
  return {reinterpret_cast<const char*>(weights), sizeof(weights)};
}

TEST_CASE("An ONNX file that cannot be packed is UNAVAILABLE with its reason") {
  struct Row {
    const char* name;
    std::string bytes;
    std::vector<std::string> words;
  };
  const std::string digits = ReadFile(kDigitsOnnx);
  const std::vector<Row> rows = {
      {"unsupported",
       OneNodeOnnx("Bernoulli", "coin"),
       {"coin", "Bernoulli", "opset 13"}},
      {"nonsense", std::string(1000, '\xff'), {}},
      {"empty", "", {}},
      {"cut", digits.substr(0, digits.size() / 2), {}},
      {"escaping", ExternalOnnx("../../digits/1/weights"), {"weights"}},
      {"absolute", ExternalOnnx("/etc/passwd"), {}},
      {"missing", ExternalOnnx("weights"), {"weights"}},
  };
  TestRepository repository;
  for (const Row& row : rows) repository.AddOnnx(row.name, row.bytes);
  repository.AddLayers("digits", DigitsLayers());
  WriteFile(repository.FolderOf("digits") + "/weights", Weights());
  DaemonProcess daemon(repository);
  REQUIRE(daemon.WaitUntilReady());
  WireClient client(daemon.address());

  for (const Row& row : rows) {
    const admin::ModelStatus status = AskStatusOf(&client, row.name);
    INFO(row.name << ": " << status.reason());
    CHECK(status.state() == "UNAVAILABLE");
    CHECK(status.reason() != "");
    CHECK_THAT(status.reason(), !Catch::Contains(repository.models_path()));
    for (const std::string& word : row.words) {
      CHECK_THAT(status.reason(), Catch::Contains(word));
    }
    const auto answer = Infer(&client, DigitRequest(row.name, 0));
    CHECK(absl::IsUnavailable(answer.status()));
  }
  CHECK(AskDigit(&client, "digits", 0).ok());
}

TEST_CASE("Weights in a file beside the model are found") {
  TestRepository repository;
  repository.AddOnnx("outside", ExternalOnnx("weights"));
  WriteFile(repository.FolderOf("outside") + "/weights", Weights());
  DaemonProcess daemon(repository);
  REQUIRE(daemon.WaitUntilReady());
  WireClient client(daemon.address());

  const std::vector<float> x{1, 2, 3, 4};
  const auto answer = Infer(&client, RawRequest("outside", "x", {1, 4}, x));
  INFO(answer.status());
  REQUIRE(answer.ok());
  CHECK(FirstOutput(*answer) == std::vector<float>{11, 22, 33, 44});
}

TEST_CASE("A link out of the model's folder is no way to other files") {
  TestRepository repository;
  const ScratchFolder elsewhere;
  WriteFile(elsewhere / "secret", Weights());
  repository.AddOnnx("outside", ExternalOnnx("weights"));
  std::filesystem::create_symlink(elsewhere / "secret",
                                  repository.FolderOf("outside") + "/weights");
  DaemonProcess daemon(repository);
  REQUIRE(daemon.WaitUntilReady());
  WireClient client(daemon.address());

  CHECK(AskStatusOf(&client, "outside").state() == "UNAVAILABLE");
}

}  // namespace
}  // namespace layerd
