#ifndef LAYERD_DAEMON_CTL_COSTS_OF_H_
#define LAYERD_DAEMON_CTL_COSTS_OF_H_

#include <string>

#include "absl/status/statusor.h"
#include "daemon/ctl/command_line.h"
#include "daemon/engine/known_costs.h"
#include "daemon/plan/machine.h"
#include "kernels/backend.h"

namespace layerd {

// --machine, of plan and bench: a file of `probe`, or this machine's class.
Option MachineOption();
absl::StatusOr<Machine> ReadMachine(const CommandLine& line);

// With the CPU's kernels, or others.
// Errors: as KnownCosts::Of().
absl::StatusOr<KnownCosts> KnownCostsOf(const std::string& layer_file,
                                        const std::string& cache_folder,
                                        int threads);
absl::StatusOr<KnownCosts> KnownCostsOf(const std::string& layer_file,
                                        const std::string& cache_folder,
                                        int threads, const KernelKey& key);

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_COSTS_OF_H_
