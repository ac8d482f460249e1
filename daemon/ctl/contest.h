#ifndef LAYERD_DAEMON_CTL_CONTEST_H_
#define LAYERD_DAEMON_CTL_CONTEST_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/ctl/array_files.h"
#include "daemon/ctl/bench_settings.h"
#include "daemon/ctl/contestant.h"
#include "daemon/ctl/drive_beside.h"
#include "daemon/plan/costs.h"
#include "daemon/plan/memory_plan.h"

namespace layerd {

// The engines of a bench, whose requests take turns, and what came of them.
struct Contest {
  Contestant resident, streamed;
  std::optional<Contestant> whole_layer;
  std::vector<std::vector<Array>> inputs;
  MemoryPlan plan = {};  // Of the streamed one.
  bool outputs_identical = true;
  uint64_t read_bytes = 0, reads = 0;  // By what counts.
  std::chrono::nanoseconds loader_cpu_time{0};
  // From a streamed request until nothing was left to read ahead of the next.
  std::chrono::nanoseconds reading_time{0};
  std::optional<DriveBeside> drive = std::nullopt;  // None if it is modelled.
  // When the parts were measured that the plan was made by; 0: not known.
  double resident_seconds_before = 0;
};

// `drive` is as it was found a moment ago.
absl::StatusOr<Contest> StartContest(const BenchSettings& settings,
                                     const DriveSpeed& drive);

// A round is one request of each engine. A few go before in each place, and do
// not count.
absl::Status RunRounds(const BenchSettings& settings, const DriveSpeed& drive,
                       uint64_t rounds, Contest* contest);

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_CONTEST_H_
