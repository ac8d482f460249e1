// A task that is declared by model.yaml and comes more often than it declares.
#include <map>
#include <optional>
#include <string>

#include "test/catch/catch.h"
#include "test/e2e/conversation.h"
#include "test/e2e/daemon_process.h"
#include "test/e2e/digits.h"
#include "test/e2e/program.h"
#include "test/e2e/tiny_onnx.h"
#include "test/scratch/scratch_folder.h"

namespace layerd {
namespace {

using ModelYamls = std::map<std::string, std::string>;

// So long a period that no machine is slow enough for the next job to be due.
const ModelYamls kModels = {
    {"hasty",
     "priority: 1\nlower_to: 3\nperiod_ms: 600000\n"
     "deadline_ms: 600000\n"},
    {"steady", "priority: 1\nperiod_ms: 600000\ndeadline_ms: 600000\n"},
    {"free", "priority: 4\n"},
};

void AddModels(const ModelYamls& models, TestRepository* repository) {
  for (const auto& [name, yaml] : models) {
    repository->AddLayers(name, DigitsLayers());
    repository->Configure(name, yaml);
  }
}

// Leaves costs in the cache: where none are known nothing is promised.
void LearnCosts(const TestRepository& repository, const std::string& layers) {
  const Ended bench =
      Run({kLayerctl, "bench", layers, "--budget", "all", "--threads", "1",
           "--requests", "3", "--cache", repository.cache_path()});
  INFO(bench.err);
  REQUIRE(bench.status == 0);
}

struct Served {
  Served() {
    AddModels(kModels, &repository);
    LearnCosts(repository, repository.LayersPath("free"));
    daemon.emplace(repository, DaemonOptions{.flags = {"--threads", "1"}});
    REQUIRE(daemon->WaitUntilReady());
    client.emplace(daemon->address());
  }

  TestRepository repository;
  std::optional<DaemonProcess> daemon;
  std::optional<WireClient> client;
};

TEST_CASE("A declared task that comes too often is late itself, nobody else") {
  Served served;
  CHECK(AskDigit(&*served.client, "hasty", 0).ok());
  const absl::Status refused = AskDigit(&*served.client, "hasty", 0).status();
  CHECK(absl::IsResourceExhausted(refused));
  CHECK_THAT(std::string(refused.message()),
             Catch::Contains("each 600000 ms at most (period_ms)") &&
                 Catch::Contains("too early"));
  for (const char* other : {"steady", "free"}) {
    INFO(other);
    const auto logits = AskDigit(&*served.client, other, 1);
    REQUIRE(logits.ok());
    CHECK(Agrees(*logits, ExpectedLogits(1)));
  }

  // Where it is promised nothing it may come as often as it likes.
  for (size_t digit = 0; digit < 3; ++digit) {
    inference::ModelInferRequest lower = DigitRequest("hasty", digit);
    (*lower.mutable_parameters())["priority"].set_int64_param(3);
    CHECK(Infer(&*served.client, lower).ok());
  }

  const auto scheduling = AskStatus(&*served.client).scheduling();
  CHECK(scheduling.too_often() == 1);
  CHECK(scheduling.deadline_misses() == 0);
  CHECK(scheduling.realtime_refused() == 0);
  for (const char* command : {"status", "watch"}) {
    std::vector<std::string> words{kLayerctl, command, "--json", "--address",
                                   served.daemon->address()};
    if (words[1] == "watch") words.insert(words.end(), {"--count", "1"});
    const Ended told = Run(words);
    CHECK(told.status == 0);
    CHECK_THAT(told.out, Catch::Contains("\"too_often\": 1") &&
                             Catch::Contains("\"realtime_refused\": 0"));
  }
}

TEST_CASE("Who loads what nothing can be promised to hears the arithmetic") {
  Served served;
  const ScratchFolder folder;
  const std::string onnx = folder / "slow.onnx",
                    layers = folder / "slow.layers";
  WriteFile(onnx, SlowOnnx(4));
  REQUIRE(Run({kLayerctl, "pack", onnx, "-o", layers}).status == 0);
  LearnCosts(served.repository, layers);
  served.repository.AddLayers("slow", ReadFile(layers));
  served.repository.Configure(
      "slow", "priority: 1\nperiod_ms: 600000\ndeadline_ms: 1\n");

  const Ended load = Run({kLayerctl, "load", "slow", "--json", "--address",
                          served.daemon->address()});
  CHECK(load.status == 1);
  CHECK_THAT(load.out, Catch::Contains("RESOURCE_EXHAUSTED") &&
                           Catch::Contains("its deadline is 1.000") &&
                           !Catch::Contains("minimum_budget_bytes"));
}

TEST_CASE("Nothing is promised beside requests that ask for less urgency") {
  TestRepository repository;
  AddModels({{"hasty", kModels.at("hasty")},
             {"under", "priority: 2\nperiod_ms: 600000\n"}},
            &repository);
  DaemonProcess daemon(repository);
  REQUIRE(daemon.WaitUntilReady());
  WireClient client(daemon.address());

  // Both came at once: the more urgent one is served.
  CHECK(AskStatusOf(&client, "hasty").state() == "READY");
  const admin::ModelStatus status = AskStatusOf(&client, "under");
  CHECK(status.state() == "UNAVAILABLE");
  CHECK_THAT(status.reason(), Catch::Contains("under/1 has period_ms at level "
                                              "2, and hasty/1 (lower_to)"));
}

}  // namespace
}  // namespace layerd
