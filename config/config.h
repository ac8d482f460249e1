#ifndef LAYERD_CONFIG_CONFIG_H_
#define LAYERD_CONFIG_CONFIG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "config/byte_size.h"
#include "config/limits.h"

namespace layerd {

// What `layerd` was told to be. A Config that exists is in range; layerd.yaml
// beside this file has every key with its unit, range and default.
struct Config {
  // INVALID_ARGUMENT with line and column; `source` names the file.
  static absl::StatusOr<Config> Parse(const std::string& yaml,
                                      const std::string& source);
  // Keys in `yaml` replace those here. On an error nothing changes.
  absl::Status Overlay(const std::string& yaml, const std::string& source);
  // NOT_FOUND, or as Parse().
  static absl::StatusOr<Config> Read(const std::string& path);

  std::string repository;           // Empty: none was given.
  std::vector<std::string> listen;  // Empty: the defaults.
  std::string cache_path;           // Empty: as the environment says.
  uint64_t cache_bytes_max = kAllBytes;
  uint64_t memory_budget_bytes = kAllBytes;
  uint64_t weight_budget_bytes = kAllBytes;
  uint64_t request_bytes_max = kRequestBytesDefault;
  uint64_t threads = 0;  // 0: one for each CPU we may use.
  std::string backend = "auto";
  std::string cuda_memory = "probe";
  std::string io_engine = "auto";
  uint64_t max_message_bytes = kMessageBytesDefault;
  uint64_t queue_jobs_max = kQueueJobsDefault;  // At each level.
  std::string level_order = "fifo";
  std::string admission = "strict";
  std::string realtime = "off";
  uint64_t drain_timeout_ms = kDrainMsDefault;
  bool reflection = true;
  std::string metrics;  // HOST:PORT or "off"; empty: the default.
  bool read_ahead = true;
  bool measure_costs = true;
  std::string log_level = "info";
};

}  // namespace layerd

#endif  // LAYERD_CONFIG_CONFIG_H_
