#include "daemon/ctl/bench_report.h"

#include <sstream>

#include "test/catch/catch.h"

namespace layerd {
namespace {

// What others rely on, in the order in which it is promised.
const std::vector<std::string> kKeys = {"model",
                                        "threads",
                                        "requests",
                                        "weights_dtype",
                                        "weight_bytes",
                                        "budget_bytes",
                                        "ring_bytes",
                                        "head_bytes",
                                        "decode_bytes",
                                        "total_bytes",
                                        "arena_bytes",
                                        "tile_bytes",
                                        "resident_ms_p50",
                                        "whole_layer_ms_p50",
                                        "streamed_ms_p50",
                                        "streamed_ms_p99",
                                        "overhead_pct",
                                        "overhead_pct_low",
                                        "overhead_pct_high",
                                        "overhead_of_one_engine_pct",
                                        "weight_memory_reduction_pct",
                                        "predicted_ms",
                                        "prediction_error_pct",
                                        "resident_before_ms",
                                        "overhead_prediction_error_pct",
                                        "asap_bound_ms",
                                        "lower_bound_ms",
                                        "gap_to_asap_pct",
                                        "gap_to_bound_pct",
                                        "drive_looks",
                                        "drive_mib_s",
                                        "drive_before_mib_s",
                                        "asap_bound_before_ms",
                                        "gap_to_asap_before_pct",
                                        "read_mib_s",
                                        "loader_cpu_ms_per_gib",
                                        "crc_cpu_ms_per_gib",
                                        "loader_cpu_ms_mean",
                                        "read_bytes_mean",
                                        "streamed_computing_ms_p50",
                                        "drive_wait_ms_p50",
                                        "longest_part_us",
                                        "peak_rss_bytes",
                                        "outputs_identical"};

BenchReport Report() {
  BenchReport report;
  report.model = "m";
  report.weight_bytes = 1000;
  report.ring_bytes = 80;
  report.head_bytes = 20;
  report.arena_bytes = 7;
  report.resident_ms = {10, 10, 20};
  report.streamed_ms = {11, 12, 30};
  return report;
}

// One "key": value a line.
std::vector<std::string> KeysOf(const std::string& json) {
  std::vector<std::string> keys;
  std::istringstream lines(json);
  for (std::string line; std::getline(lines, line);) {
    const size_t begin = line.find('"');
    if (begin == std::string::npos) continue;
    keys.push_back(
        line.substr(begin + 1, line.find('"', begin + 1) - begin - 1));
  }
  return keys;
}

TEST_CASE("The document has every key that was promised and no other") {
  CHECK(KeysOf(BenchJson(Report())) == kKeys);
}

TEST_CASE("What has no value is null, never invented") {
  const std::string json = BenchJson(Report());
  for (const char* key :
       {"overhead_pct_low", "whole_layer_ms_p50", "predicted_ms",
        "prediction_error_pct", "resident_before_ms",
        "overhead_prediction_error_pct", "asap_bound_ms", "gap_to_asap_pct",
        "drive_mib_s", "asap_bound_before_ms", "gap_to_asap_before_pct",
        "read_mib_s", "loader_cpu_ms_per_gib", "peak_rss_bytes"}) {
    CHECK_THAT(json, Catch::Contains("\"" + std::string(key) + "\": null"));
  }
}

TEST_CASE("The overhead is the median of the rounds' ratios") {
  BenchReport report = Report();
  CHECK(report.overhead_pct() == Approx(20));
  // Against the faster resident engine of the same round.
  report.whole_layer_ms = {10, 8, 24};
  CHECK(report.overhead_pct() == Approx(50));
}

TEST_CASE("The overhead's interval is between its rounds' ratios") {
  BenchReport report = Report();
  CHECK_FALSE(report.overhead_interval_pct().has_value());
  report.resident_ms = {10, 10, 10, 10, 10, 10};
  report.streamed_ms = {15, 11, 14, 13, 10, 12};
  CHECK(report.overhead_interval_pct()->low == Approx(0).margin(1e-9));
  CHECK(report.overhead_interval_pct()->high == Approx(50));
}

TEST_CASE("An engine beside two like it has no overhead over the faster one") {
  BenchReport report = Report();
  report.resident_ms = {10, 12, 11, 10, 13};
  report.whole_layer_ms = {12, 10, 11, 13, 10};
  report.streamed_ms = {11, 11, 11, 12, 11};
  CHECK(report.overhead_of_one_engine_pct() == Approx(0).margin(1e-9));
  CHECK(report.overhead_pct() == Approx(10));
}

TEST_CASE("A machine that has become slower since has not the overhead wrong") {
  BenchReport report = Report();
  report.predicted_ms = 6;  // Of 5: a fifth more, as in the median round.
  report.resident_before_ms = 5;
  CHECK(*report.overhead_prediction_error_pct() == Approx(0).margin(1e-9));
  CHECK(*report.prediction_error_pct() == Approx(-50));
  report.predicted_ms = 5;  // As if streaming cost nothing.
  CHECK(*report.overhead_prediction_error_pct() == Approx(-100 / 6.0));
}

TEST_CASE("Gaps and errors are told against the streamed median") {
  BenchReport report = Report();
  report.asap_bound_ms = 10;
  report.predicted_ms = 9;
  CHECK(*report.gap_pct(report.asap_bound_ms) == Approx(20));
  CHECK(*report.prediction_error_pct() == Approx(-25));
  CHECK(*report.weight_memory_reduction_pct() == Approx(90));
  CHECK(report.total_bytes() == 107);
}

}  // namespace
}  // namespace layerd
