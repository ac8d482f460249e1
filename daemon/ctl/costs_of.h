#ifndef LAYERD_DAEMON_CTL_COSTS_OF_H_
#define LAYERD_DAEMON_CTL_COSTS_OF_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/ctl/command_line.h"
#include "daemon/plan/cost_model.h"
#include "daemon/plan/machine.h"
#include "daemon/plan/program.h"

namespace layerd {

// --machine, of plan and bench: a file of `probe`, or this machine's class.
Option MachineOption();
absl::StatusOr<Machine> ReadMachine(const CommandLine& line);

// What is known of one layer file's cost on this machine, in the cache folder.
class KnownCosts {
 public:
  // Errors: as reading the file's superblock.
  static absl::StatusOr<KnownCosts> Of(const std::string& layer_file,
                                       const std::string& cache_folder,
                                       int threads);

  // Seconds of each part, measured by an earlier bench; empty if there is none.
  std::vector<double> Read(size_t parts) const;
  absl::Status Write(const std::vector<double>& part_seconds) const;

  const std::string& path() const { return path_; }

 private:
  std::string path_, file_digest_, machine_key_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_COSTS_OF_H_
