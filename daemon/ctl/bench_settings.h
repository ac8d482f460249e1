#ifndef LAYERD_DAEMON_CTL_BENCH_SETTINGS_H_
#define LAYERD_DAEMON_CTL_BENCH_SETTINGS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/ctl/command_line.h"
#include "daemon/plan/machine.h"

namespace layerd {

// What `bench` was asked to measure. The files are packed by then.
struct BenchSettings {
  std::string layer_file;
  std::string whole_layer_file;  // Empty if FILE is a layer file.
  std::string weights;           // How they are stored: "f32", ...
  bool is_narrow = false;        // Some are: of "f32" what came in bytes.
  std::string cache_folder;
  uint64_t budget_bytes = 0;
  int threads = 1;
  uint64_t requests = 0;
  std::vector<std::string> inputs;  // The values of --input; else random ones.
  double paced_bytes_per_s = 0;     // 0: as the drive is.
  Machine machine;
  bool machine_is_given = false;

  // Else the drive is modelled, not this machine's as it is.
  bool reads_this_drive() const {
    return paced_bytes_per_s == 0 && !machine_is_given;
  }
};

absl::StatusOr<BenchSettings> ReadBenchSettings(const CommandLine& line);

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_BENCH_SETTINGS_H_
