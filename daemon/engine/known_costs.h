#ifndef LAYERD_DAEMON_ENGINE_KNOWN_COSTS_H_
#define LAYERD_DAEMON_ENGINE_KNOWN_COSTS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/plan/cost_profile.h"
#include "daemon/plan/costs.h"
#include "daemon/plan/machine.h"
#include "daemon/plan/program.h"
#include "kernels/backend.h"

namespace layerd {

// What is known of one layer file's cost on this machine, in the cache folder:
// a profile named by what is in the file, and by processor, kernels and
// threads.
class KnownCosts {
 public:
  // Errors: as reading the file's superblock.
  static absl::StatusOr<KnownCosts> Of(const std::string& layer_file,
                                       const std::string& cache_folder,
                                       const KernelKey& key, int threads);
  // Of a file that is open, whatever lies at its path by now.
  static KnownCosts OfDigest(const std::string& file_digest,
                             const std::string& cache_folder,
                             const KernelKey& key, int threads);

  // What was measured; nothing if there is no profile, or an unsound one.
  std::optional<CostProfile> Read(size_t parts) const;
  // `measured`, as of this file and machine. What was seen before stays.
  absl::Status Write(CostProfile measured) const;
  // Beside what was measured. Nothing to do where nothing was, or is new.
  absl::Status WriteSeen(size_t parts, const SeenParts& seen) const;

  const std::string& path() const { return path_; }

 private:
  absl::Status Store(const CostProfile& profile) const;

  std::string path_, file_digest_, machine_key_;
};

// From a profile if there is one, what it lacks from `machine`.
Costs CostsOf(const Program& program, const std::optional<CostProfile>& profile,
              const Machine& machine, int threads);

}  // namespace layerd

#endif  // LAYERD_DAEMON_ENGINE_KNOWN_COSTS_H_
