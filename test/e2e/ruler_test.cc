// probe, plan and bench: what they promise, not how fast this machine is.
#include <cstdlib>
#include <string>
#include <vector>

#include "test/catch/catch.h"
#include "test/e2e/digits.h"
#include "test/e2e/program.h"
#include "test/scratch/scratch_folder.h"

namespace layerd {
namespace {

constexpr double kTiny = 1e-9;

// With a cache of its own.
Ended Layerctl(const ScratchFolder& folder,
               std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), kLayerctl);
  return Run(arguments,
             {.environment = {{"CACHE_DIRECTORY", folder / "cache"}}});
}

// The first number after `key`; the test fails if there is none.
double NumberOf(const std::string& json, const std::string& key) {
  const std::string quoted = "\"" + key + "\": ";
  const size_t found = json.find(quoted);
  INFO(key << " in " << json);
  REQUIRE(found != std::string::npos);
  const char* const begin = json.c_str() + found + quoted.size();
  char* end = nullptr;
  const double number = std::strtod(begin, &end);
  REQUIRE(end != begin);
  return number;
}

TEST_CASE("plan says what a budget becomes") {
  const ScratchFolder folder;
  const Ended all = Layerctl(folder, {"plan", kDigitsOnnx, "--json"});
  REQUIRE(all.status == 0);
  CHECK_THAT(all.out, Catch::Contains("\"one_more_mib_saves_ms\": "));
  CHECK(NumberOf(all.out, "ring_bytes") == 0);
  CHECK(NumberOf(all.out, "arena_bytes") > 0);
  CHECK(NumberOf(all.out, "blocking_us") > 0);
  CHECK(NumberOf(all.out, "base_bytes") > 1 << 20);
  const double least = NumberOf(all.out, "minimum_budget_bytes");
  CHECK(least < NumberOf(all.out, "budget_bytes"));

  const std::string budget = std::to_string(static_cast<uint64_t>(least));
  const Ended tight =
      Layerctl(folder, {"plan", kDigitsOnnx, "--json", "--budget", budget});
  REQUIRE(tight.status == 0);
  CHECK(NumberOf(tight.out, "budget_bytes") == least);
  const double weights =
      NumberOf(tight.out, "ring_bytes") + NumberOf(tight.out, "head_bytes");
  CHECK(weights <= least);
  CHECK(NumberOf(tight.out, "total_bytes") ==
        weights + NumberOf(tight.out, "arena_bytes"));
  const double cold = NumberOf(tight.out, "predicted_cold_ms");
  CHECK(cold >= NumberOf(tight.out, "asap_bound_ms"));
  CHECK(cold >= NumberOf(tight.out, "predicted_warm_ms"));
  CHECK(NumberOf(tight.out, "predicted_warm_ms") >=
        NumberOf(tight.out, "lower_bound_ms") - kTiny);
  CHECK(cold > NumberOf(all.out, "predicted_cold_ms"));
}

TEST_CASE("plan refuses a budget below the least, and names the least") {
  const ScratchFolder folder;
  const Ended plan =
      Layerctl(folder, {"plan", kDigitsOnnx, "--json", "--budget", "4096"});
  CHECK(plan.status == 1);
  CHECK(NumberOf(plan.out, "minimum_budget_bytes") > 4096);
}

TEST_CASE("plan draws the curve as a table and as a picture") {
  const ScratchFolder folder;
  const Ended plan = Layerctl(
      folder, {"plan", kDigitsOnnx, "--curve", "--svg", folder / "curve.svg"});
  CHECK(plan.status == 0);
  CHECK_THAT(plan.out, Catch::Contains("no schedule beats ms"));
  CHECK_THAT(ReadFile(folder / "curve.svg"),
             Catch::Contains("<polyline") && Catch::Contains("knee"));
}

TEST_CASE("plan takes the machine that it is given, and no other file") {
  const ScratchFolder folder;
  WriteFile(folder / "slow.json",
            R"({"isa": "any", "cores": 1, "flops_per_s": 1e8,
                "memory_bytes_per_s": 1e9, "crc_bytes_per_s": 1e9,
                "drive_bytes_per_s": 1e6, "first_read_us": 1000})");
  const Ended slow = Layerctl(folder, {"plan", kDigitsOnnx, "--json",
                                       "--machine", folder / "slow.json"});
  REQUIRE(slow.status == 0);
  const Ended here = Layerctl(folder, {"plan", kDigitsOnnx, "--json"});
  CHECK(NumberOf(slow.out, "predicted_cold_ms") >
        NumberOf(here.out, "predicted_cold_ms"));

  WriteFile(folder / "not.json", "{\"cores\": 2}");
  CHECK(
      Layerctl(folder, {"plan", kDigitsOnnx, "--machine", folder / "not.json"})
          .status == 2);
  CHECK(
      Layerctl(folder, {"plan", kDigitsOnnx, "--machine", folder / "none.json"})
          .status == 2);
}

TEST_CASE("bench compares a streamed engine with resident ones, bit for bit") {
  const ScratchFolder folder;
  const Ended plan = Layerctl(folder, {"plan", kDigitsOnnx, "--json"});
  const auto least =
      static_cast<uint64_t>(NumberOf(plan.out, "minimum_budget_bytes"));
  const std::vector<std::string> arguments = {
      "bench",     kDigitsOnnx, "--json",     "--budget", std::to_string(least),
      "--threads", "1",         "--requests", "9",        "--drive-mib-s",
      "200"};
  const Ended bench = Layerctl(folder, arguments);
  REQUIRE(bench.status == 0);
  CHECK_THAT(bench.out, Catch::Contains("\"outputs_identical\": true"));
  CHECK(NumberOf(bench.out, "budget_bytes") == static_cast<double>(least));
  CHECK(NumberOf(bench.out, "requests") == 9);
  CHECK(NumberOf(bench.out, "whole_layer_ms_p50") > 0);
  CHECK(NumberOf(bench.out, "longest_part_us") > 0);
  CHECK(NumberOf(bench.out, "peak_rss_bytes") > 1 << 20);
  // No faster than the drive that was asked for.
  CHECK(NumberOf(bench.out, "read_mib_s") <= 200);
  CHECK(NumberOf(bench.out, "streamed_ms_p50") >=
        NumberOf(bench.out, "lower_bound_ms"));
}

TEST_CASE("What bench measured is what plan knows the next time") {
  const ScratchFolder folder;
  const std::vector<std::string> plan = {"plan", kDigitsOnnx, "--json",
                                         "--threads", "1"};
  CHECK_THAT(Layerctl(folder, plan).out,
             Catch::Contains("\"costs_measured\": false"));
  REQUIRE(Layerctl(folder, {"bench", kDigitsOnnx, "--threads", "1",
                            "--requests", "3", "--drive-mib-s", "500"})
              .status == 0);
  CHECK_THAT(Layerctl(folder, plan).out,
             Catch::Contains("\"costs_measured\": true"));
}

TEST_CASE("probe writes a machine that plan reads") {
  const ScratchFolder folder;
  const std::string machine = folder / "machine.json";
  const Ended probe = Layerctl(folder, {"probe", "-o", machine, "--json"});
  REQUIRE(probe.status == 0);
  CHECK(NumberOf(probe.out, "drive_bytes_per_s") > 0);
  CHECK(NumberOf(probe.out, "p999_us") >= NumberOf(probe.out, "p50_us"));
  CHECK(ReadFile(machine) == probe.out);
  CHECK(Layerctl(folder, {"plan", kDigitsOnnx, "--machine", machine}).status ==
        0);
}

}  // namespace
}  // namespace layerd
