// Every door to the planner: a budget that is too small is refused with the
// smallest that would do, and that one does.
#include <cstdint>
#include <fstream>
#include <string>
#include <tuple>
#include <vector>

#include "test/catch/catch.h"
#include "test/e2e/daemon_process.h"
#include "test/e2e/digits.h"
#include "test/e2e/program.h"
#include "test/scratch/scratch_folder.h"

namespace layerd {
namespace {

constexpr uint64_t kPage = 4096;

Ended Layerctl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), kLayerctl);
  return Run(arguments);
}

// What stands behind `word` in `text`; 0 if it is not there.
uint64_t NumberAfter(const std::string& text, const std::string& word) {
  const size_t found = text.find(word);
  if (found == std::string::npos) return 0;
  return std::strtoull(text.c_str() + found + word.size(), nullptr, 10);
}

uint64_t MinimumIn(const Ended& refused) {
  return NumberAfter(refused.out, "\"minimum_budget_bytes\": ");
}

TEST_CASE("run, plan and bench name the smallest budget, and take it") {
  const ScratchFolder folder;
  const std::string command = GENERATE("run", "plan", "bench");
  INFO(command);
  const auto with = [&](uint64_t budget) {
    std::vector<std::string> arguments = {command,
                                          kDigitsOnnx,
                                          "--json",
                                          "--budget",
                                          std::to_string(budget),
                                          "--cache",
                                          folder / "cache"};
    if (command == "run") {
      arguments.insert(arguments.end(),
                       {"--input", "test/models/digits/samples/d7.npy"});
    }
    if (command == "bench") {
      arguments.insert(arguments.end(), {"--requests", "1", "--threads", "1"});
    }
    return Layerctl(arguments);
  };
  const Ended refused = with(kPage);
  CHECK(refused.status == 1);
  const uint64_t least = MinimumIn(refused);
  REQUIRE(least > kPage);
  CHECK_THAT(refused.out,
             Catch::Contains("give at least " + std::to_string(least)));

  const Ended almost = with(least - kPage);
  CHECK(almost.status == 1);
  CHECK(MinimumIn(almost) == least);
  CHECK(with(least).status == 0);
}

TEST_CASE("A daemon names the smallest budget that serves a model") {
  TestRepository repository;
  repository.AddLayers("digits", DigitsLayers());
  const auto [flag, key] = GENERATE(table<std::string, std::string>(
      {{"--memory-budget", "budget"}, {"--weight-budget", "weights"}}));
  const bool by_file = GENERATE(false, true);
  INFO(flag << (by_file ? " in the configuration" : ""));
  const ScratchFolder scratch;
  const auto asking = [&, flag = flag, key = key](uint64_t budget) {
    if (!by_file) return std::vector<std::string>{flag, std::to_string(budget)};
    const std::string file = scratch / "layerd.yaml";
    std::ofstream(file) << "memory:\n  " << key << ": " << budget << "\n";
    return std::vector<std::string>{"--config", file};
  };
  uint64_t least = 0;
  {
    DaemonProcess daemon(repository, {.flags = asking(kPage)});
    REQUIRE(daemon.WaitUntilReady());
    const Ended models =
        Layerctl({"models", "--json", "--address", daemon.address()});
    CHECK_THAT(models.out, Catch::Contains("UNAVAILABLE"));
    least = NumberAfter(models.out, "give at least ");
    REQUIRE(least > kPage);
  }
  DaemonProcess daemon(repository, {.flags = asking(least)});
  REQUIRE(daemon.WaitUntilReady());
  const Ended models =
      Layerctl({"models", "--json", "--address", daemon.address()});
  CHECK_THAT(models.out, Catch::Contains("READY"));
  CHECK_THAT(models.out, !Catch::Contains("UNAVAILABLE"));

  // The same by the RPC, while it serves.
  for (const bool weights : {false, true}) {
    INFO((weights ? "--weights" : "memory"));
    const auto change = [&](uint64_t budget) {
      std::vector<std::string> arguments = {"budget", "--json", "--address",
                                            daemon.address()};
      if (weights) arguments.emplace_back("--weights");
      arguments.push_back(std::to_string(budget));
      return Layerctl(arguments);
    };
    const Ended refused = change(kPage);
    CHECK(refused.status == 1);
    const uint64_t minimum = MinimumIn(refused);
    REQUIRE(minimum > kPage);
    CHECK(change(minimum - kPage).status == 1);
    CHECK(change(minimum).status == 0);
  }
}

}  // namespace
}  // namespace layerd
