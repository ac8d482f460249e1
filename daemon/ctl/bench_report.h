#ifndef LAYERD_DAEMON_CTL_BENCH_REPORT_H_
#define LAYERD_DAEMON_CTL_BENCH_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/plan/quantile.h"

namespace layerd {

// What `bench` measured, as its JSON says it; what has no value is null there.
struct BenchReport {
  std::string model;
  int threads = 0;
  uint64_t requests = 0;
  std::string weights_dtype;
  uint64_t weight_bytes = 0;  // ONNX initializers at f32, one copy.
  uint64_t budget_bytes = 0;
  uint64_t ring_bytes = 0, head_bytes = 0, decode_bytes = 0, table_bytes = 0;
  uint64_t arena_bytes = 0;
  uint64_t tile_bytes = 0;
  // A round is one request of each engine, next to each other in time.
  std::vector<double> resident_ms, streamed_ms;  // By round.
  std::vector<double> whole_layer_ms;            // Empty if there are none.
  // Where the streamed ones were: waiting for the drive, and inside parts.
  std::vector<double> drive_wait_ms, computing_ms;  // By round, or empty.
  // From before this run, and what a resident request took when the parts were
  // measured that it stands on.
  std::optional<double> predicted_ms, resident_before_ms;
  // On the drive as it was between the rounds, beside computing, by the median
  // of so many looks; without any, as it was modelled, or probed before.
  std::optional<double> asap_bound_ms, lower_bound_ms;
  uint64_t drive_looks = 0;
  // On the drive as it was before the rounds, beside busy CPUs.
  std::optional<double> asap_bound_before_ms;
  std::optional<double> drive_mib_s, drive_before_mib_s;  // Into such a ring.
  std::optional<double> read_bytes_mean;  // Of one read of the drive.
  std::optional<double> read_mib_s, loader_cpu_ms_per_gib, crc_cpu_ms_per_gib;
  std::optional<double> loader_cpu_ms_mean;  // Of one streamed request.
  double longest_part_us = 0;
  std::optional<uint64_t> peak_rss_bytes;
  bool outputs_identical = false;

  uint64_t weight_memory_bytes() const {
    return ring_bytes + head_bytes + decode_bytes + table_bytes;
  }
  uint64_t total_bytes() const { return weight_memory_bytes() + arena_bytes; }
  // The median over the rounds of streamed to the faster of the two resident
  // figures of that round, minus one. Of two equal engines the lower of two
  // samples is some percent less than either, and that counts as overhead.
  double overhead_pct() const;
  // Of that, over the rounds: if it is wide, more rounds are needed.
  std::optional<MedianInterval> overhead_interval_pct() const;
  // The same over one resident engine in all rounds: parts or whole layers,
  // whichever has the lower median.
  double overhead_of_one_engine_pct() const;
  std::optional<double> weight_memory_reduction_pct() const;
  // The streamed median over `ms`, minus one.
  std::optional<double> gap_pct(const std::optional<double>& ms) const;
  // The prediction over the streamed median, minus one. Who predicts
  // milliseconds is wrong by as much as the machine's speed has changed since;
  std::optional<double> prediction_error_pct() const;
  // who predicts how much longer than resident it takes is not: each over the
  // resident requests of its time, in parts.
  std::optional<double> overhead_prediction_error_pct() const;
};

// REQUIRES, of both: at least one round, as many of each engine.
std::string BenchJson(const BenchReport& report);
std::string BenchText(const BenchReport& report);

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_BENCH_REPORT_H_
