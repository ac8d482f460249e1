#ifndef LAYERD_DAEMON_PLAN_COST_PROFILE_H_
#define LAYERD_DAEMON_PLAN_COST_PROFILE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/plan/costs.h"
#include "daemon/plan/machine.h"
#include "daemon/plan/program.h"

namespace layerd {

// How many parts took how long while a model was served, by steps of time
// (daemon/model/part_times.h has these).
struct SeenParts {
  static constexpr size_t kStepsMax = 1024;

  uint32_t steps_per_octave = 0;
  std::vector<uint32_t> counts;

  bool operator==(const SeenParts&) const = default;
};

// How long each part of one layer file computes on one machine, measured. Kept
// in the cache folder under FileName(), as JSON.
struct CostProfile {
  // Of `parts` parts. INVALID_ARGUMENT if it is none, or another one's.
  static absl::StatusOr<CostProfile> Parse(std::string_view json,
                                           std::string_view file_digest,
                                           std::string_view machine_key,
                                           size_t parts);
  std::string ToJson() const;

  static std::string FileName(std::string_view file_digest,
                              std::string_view machine_key);

  std::string file_digest = "", machine_key = "";
  std::vector<double> part_seconds = {};
  DriveSpeed drive = {};  // That the file lies on.
  // Of a request with all weights in memory, in turn with those that the parts
  // were measured in; 0: not measured. A machine is some percent faster or
  // slower for minutes; how much longer than this a streamed request takes is
  // not.
  double resident_seconds = 0;
  SeenParts seen = {};  // Empty: nothing yet.
};

// Before anything was measured: what the packer counted, at the rates of the
// machine with so many threads. A part takes the longer of its arithmetic and
// its memory traffic.
std::vector<double> CountedPartSeconds(const Program& program,
                                       const Machine& machine, int threads);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_COST_PROFILE_H_
