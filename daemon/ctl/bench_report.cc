#include "daemon/ctl/bench_report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/byte_size.h"
#include "config/check.h"
#include "daemon/ctl/json_writer.h"

namespace layerd {
namespace {

double PercentOver(double value, double base) {
  return 100 * (value / base - 1);
}

// By round.
std::vector<double> PercentsOver(const std::vector<double>& values,
                                 const std::vector<double>& bases) {
  LAYERD_CHECK(values.size() == bases.size());
  std::vector<double> percents;
  for (size_t round = 0; round < values.size(); ++round) {
    percents.push_back(PercentOver(values[round], bases[round]));
  }
  return percents;
}

// The faster of the two resident figures of each round.
std::vector<double> FasterMs(const BenchReport& report) {
  std::vector<double> faster_ms = report.resident_ms;
  for (size_t round = 0; round < report.whole_layer_ms.size(); ++round) {
    faster_ms[round] = std::min(faster_ms[round], report.whole_layer_ms[round]);
  }
  return faster_ms;
}

template <typename T>
void AddOptional(const char* key, const std::optional<T>& value,
                 JsonWriter* json) {
  if (value) {
    json->Add(key, *value);
  } else {
    json->AddNull(key);
  }
}

std::optional<double> MedianOrNone(const std::vector<double>& values) {
  if (values.empty()) return std::nullopt;
  return Median(values);
}

std::string Number(const std::optional<double>& value, const char* unit) {
  return value ? absl::StrFormat("%.2f%s", *value, unit) : "unknown";
}

}  // namespace

double BenchReport::overhead_pct() const {
  return Median(PercentsOver(streamed_ms, FasterMs(*this)));
}

std::optional<MedianInterval> BenchReport::overhead_interval_pct() const {
  return MedianIntervalOf(PercentsOver(streamed_ms, FasterMs(*this)));
}

double BenchReport::overhead_of_one_engine_pct() const {
  const bool whole_is_faster =
      !whole_layer_ms.empty() && Median(whole_layer_ms) < Median(resident_ms);
  return Median(PercentsOver(streamed_ms,
                             whole_is_faster ? whole_layer_ms : resident_ms));
}

std::optional<double> BenchReport::weight_memory_reduction_pct() const {
  if (weight_bytes == 0) return std::nullopt;
  return 100 * (1 - static_cast<double>(weight_memory_bytes()) /
                        static_cast<double>(weight_bytes));
}

std::optional<double> BenchReport::gap_pct(
    const std::optional<double>& ms) const {
  if (!ms || *ms <= 0) return std::nullopt;
  return PercentOver(Median(streamed_ms), *ms);
}

std::optional<double> BenchReport::prediction_error_pct() const {
  if (!predicted_ms) return std::nullopt;
  return PercentOver(*predicted_ms, Median(streamed_ms));
}

std::optional<double> BenchReport::overhead_prediction_error_pct() const {
  if (!predicted_ms || !resident_before_ms) return std::nullopt;
  const double measured =
      1 + Median(PercentsOver(streamed_ms, resident_ms)) / 100;
  return PercentOver(*predicted_ms / *resident_before_ms, measured);
}

std::string BenchJson(const BenchReport& report) {
  JsonWriter json;
  json.BeginObject();
  json.Add("model", report.model);
  json.Add("threads", report.threads);
  json.Add("requests", report.requests);
  json.Add("weights_dtype", report.weights_dtype);
  json.Add("weight_bytes", report.weight_bytes);
  json.Add("budget_bytes", report.budget_bytes);
  json.Add("ring_bytes", report.ring_bytes);
  json.Add("head_bytes", report.head_bytes);
  json.Add("decode_bytes", report.decode_bytes);
  json.Add("total_bytes", report.total_bytes());
  json.Add("arena_bytes", report.arena_bytes);
  json.Add("tile_bytes", report.tile_bytes);
  json.Add("resident_ms_p50", Median(report.resident_ms));
  AddOptional("whole_layer_ms_p50", MedianOrNone(report.whole_layer_ms), &json);
  json.Add("streamed_ms_p50", Median(report.streamed_ms));
  json.Add("streamed_ms_p99", Quantile(report.streamed_ms, 0.99));
  json.Add("overhead_pct", report.overhead_pct());
  const std::optional<MedianInterval> interval = report.overhead_interval_pct();
  AddOptional("overhead_pct_low",
              interval ? std::optional(interval->low) : std::nullopt, &json);
  AddOptional("overhead_pct_high",
              interval ? std::optional(interval->high) : std::nullopt, &json);
  json.Add("overhead_of_one_engine_pct", report.overhead_of_one_engine_pct());
  AddOptional("weight_memory_reduction_pct",
              report.weight_memory_reduction_pct(), &json);
  AddOptional("predicted_ms", report.predicted_ms, &json);
  AddOptional("prediction_error_pct", report.prediction_error_pct(), &json);
  AddOptional("resident_before_ms", report.resident_before_ms, &json);
  AddOptional("overhead_prediction_error_pct",
              report.overhead_prediction_error_pct(), &json);
  AddOptional("asap_bound_ms", report.asap_bound_ms, &json);
  AddOptional("lower_bound_ms", report.lower_bound_ms, &json);
  AddOptional("gap_to_asap_pct", report.gap_pct(report.asap_bound_ms), &json);
  AddOptional("gap_to_bound_pct", report.gap_pct(report.lower_bound_ms), &json);
  json.Add("drive_looks", report.drive_looks);
  AddOptional("drive_mib_s", report.drive_mib_s, &json);
  AddOptional("drive_before_mib_s", report.drive_before_mib_s, &json);
  AddOptional("asap_bound_before_ms", report.asap_bound_before_ms, &json);
  AddOptional("gap_to_asap_before_pct",
              report.gap_pct(report.asap_bound_before_ms), &json);
  AddOptional("read_mib_s", report.read_mib_s, &json);
  AddOptional("loader_cpu_ms_per_gib", report.loader_cpu_ms_per_gib, &json);
  AddOptional("crc_cpu_ms_per_gib", report.crc_cpu_ms_per_gib, &json);
  AddOptional("loader_cpu_ms_mean", report.loader_cpu_ms_mean, &json);
  AddOptional("read_bytes_mean", report.read_bytes_mean, &json);
  AddOptional("streamed_computing_ms_p50", MedianOrNone(report.computing_ms),
              &json);
  AddOptional("drive_wait_ms_p50", MedianOrNone(report.drive_wait_ms), &json);
  json.Add("longest_part_us", report.longest_part_us);
  AddOptional("peak_rss_bytes", report.peak_rss_bytes, &json);
  json.Add("outputs_identical", report.outputs_identical);
  json.EndObject();
  return json.Finish();
}

namespace {

std::string IntervalText(const std::optional<MedianInterval>& interval) {
  return interval ? absl::StrFormat(" (%.2f to %.2f with 95 %% confidence)",
                                    interval->low, interval->high)
                  : " (six rounds would say how sure that is)";
}

std::string LatencyText(const BenchReport& report) {
  return absl::StrFormat(
      "%s, %d threads, %d requests, realtime scheduling off\n"
      "memory    %s for weights of %s as f32 (%s less), stored as %s: ring "
      "%s, head %s, decoding %s; arena %s\n"
      "resident  %.3f ms%s\n"
      "streamed  %.3f ms, p99 %.3f ms: %.2f %%%s over the faster resident "
      "one of each round, %.2f %% over the faster engine; in parts %s, "
      "waiting for the drive %s\n",
      report.model, report.threads, report.requests,
      FormatByteSize(report.weight_memory_bytes()),
      FormatByteSize(report.weight_bytes),
      Number(report.weight_memory_reduction_pct(), " %"), report.weights_dtype,
      FormatByteSize(report.ring_bytes), FormatByteSize(report.head_bytes),
      FormatByteSize(report.decode_bytes), FormatByteSize(report.arena_bytes),
      Median(report.resident_ms),
      report.whole_layer_ms.empty()
          ? ""
          : absl::StrFormat(", whole layers %.3f ms",
                            Median(report.whole_layer_ms)),
      Median(report.streamed_ms), Quantile(report.streamed_ms, 0.99),
      report.overhead_pct(), IntervalText(report.overhead_interval_pct()),
      report.overhead_of_one_engine_pct(),
      Number(MedianOrNone(report.computing_ms), " ms"),
      Number(MedianOrNone(report.drive_wait_ms), " ms"));
}

std::string DriveText(const BenchReport& report) {
  return absl::StrFormat(
      "model     predicted %s (error %s, over resident %s), reading at once "
      "%s (gap %s), no "
      "schedule beats %s (gap %s)\n"
      "probed    %s beside computing, %d times between the rounds; %s "
      "before: reading at once %s (gap %s)\n"
      "drive     %s while streaming, in reads of %s; loader %s a GiB, of "
      "which checksums %s\n"
      "longest part %.0f us; peak memory of a process that only streams "
      "%s; outputs %s\n",
      Number(report.predicted_ms, " ms"),
      Number(report.prediction_error_pct(), " %"),
      Number(report.overhead_prediction_error_pct(), " %"),
      Number(report.asap_bound_ms, " ms"),
      Number(report.gap_pct(report.asap_bound_ms), " %"),
      Number(report.lower_bound_ms, " ms"),
      Number(report.gap_pct(report.lower_bound_ms), " %"),
      Number(report.drive_mib_s, " MiB/s"), report.drive_looks,
      Number(report.drive_before_mib_s, " MiB/s"),
      Number(report.asap_bound_before_ms, " ms"),
      Number(report.gap_pct(report.asap_bound_before_ms), " %"),
      Number(report.read_mib_s, " MiB/s"),
      report.read_bytes_mean
          ? FormatByteSize(static_cast<uint64_t>(*report.read_bytes_mean))
          : "unknown",
      Number(report.loader_cpu_ms_per_gib, " CPU-ms"),
      Number(report.crc_cpu_ms_per_gib, " CPU-ms"), report.longest_part_us,
      report.peak_rss_bytes ? FormatByteSize(*report.peak_rss_bytes)
                            : "unknown",
      report.outputs_identical ? "identical bit for bit"
                               : "NOT identical: please report this");
}

}  // namespace

std::string BenchText(const BenchReport& report) {
  return absl::StrCat(LatencyText(report), DriveText(report));
}

}  // namespace layerd
