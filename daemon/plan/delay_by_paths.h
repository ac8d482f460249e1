#ifndef LAYERD_DAEMON_PLAN_DELAY_BY_PATHS_H_
#define LAYERD_DAEMON_PLAN_DELAY_BY_PATHS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "daemon/plan/ring_recurrence.h"

namespace layerd {

// What a job asks of drive and processor, and how that lies.
struct JobPaths {
  std::vector<double> paths;  // RingPaths(): [turns] seconds.
  double alone_seconds = 0;   // The greatest of them.
  double base_seconds = 0;    // The larger of computing and reading.
  // What it may take beyond that of both together, reading first, where a path
  // goes from drive to processor.
  double across_seconds = 0;
};
absl::StatusOr<JobPaths> JobPathsOf(const RingCase& ring_case);

struct UrgentTask {
  const JobPaths* job = nullptr;
  double period_seconds = 0;
  double jitter_seconds = 0;
};

// The response of one job of each of `level`, one after the other, beside more
// urgent tasks: over all numbers of turns m, the greatest fixed point of
//
//   R = path(m) + sum over urgent j of  N_j base_j
//                                     + min(N_j, m + K) (alone_j - base_j)
//                                     + min(rest of N_j, m + K) across_j
//
// with N_j = ceil((R + J_j) / T_j), K jobs in the level, path(m) the longest
// sequence of one path of each with m turns together, less begin_seconds for
// all but the first of them: it begins at a boundary, the others when the one
// before ends. README.md has the argument. Stops at the first value above
// `limit_seconds`.
double ResponseByPaths(const std::vector<const JobPaths*>& level,
                       double begin_seconds,
                       const std::vector<UrgentTask>& urgent,
                       double limit_seconds);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_DELAY_BY_PATHS_H_
