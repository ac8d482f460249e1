// A model of two outputs, asked for both, for one of them, or for none by name.
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "test/catch/catch.h"
#include "test/e2e/conversation.h"
#include "test/e2e/daemon_process.h"
#include "test/e2e/tiny_onnx.h"

namespace layerd {
namespace {

using Floats = std::vector<float>;

TEST_CASE("Who names outputs gets these, in that order") {
  TestRepository repository;
  repository.AddOnnx("two", TwoOutputsOnnx());
  DaemonProcess daemon(repository);
  REQUIRE(daemon.WaitUntilReady());
  WireClient client(daemon.address());
  const std::map<std::string, Floats> expected = {{"y", {-1, 2, -3, 4}},
                                                  {"z", {1, 0, 3, 0}}};
  const std::vector<std::vector<std::string>> questions = {
      {}, {"y"}, {"z"}, {"z", "y"}};

  for (const std::vector<std::string>& names : questions) {
    inference::ModelInferRequest request =
        RawRequest("two", "x", {1, 4}, Floats{1, -2, 3, -4});
    for (const std::string& name : names) request.add_outputs()->set_name(name);

    const auto answer = Infer(&client, request);

    INFO(answer.status());
    REQUIRE(answer.ok());
    std::vector<std::string> given;
    for (int i = 0; i < answer->outputs_size(); ++i) {
      given.push_back(answer->outputs(i).name());
      Floats values(4);
      const std::string& raw = answer->raw_output_contents(i);
      REQUIRE(raw.size() == values.size() * sizeof(float));
      std::copy(raw.begin(), raw.end(),
                reinterpret_cast<char*>(values.data()));
      CHECK(values == expected.at(given.back()));
    }
    CHECK(given ==
          (names.empty() ? std::vector<std::string>{"y", "z"} : names));
  }
}

}  // namespace
}  // namespace layerd
