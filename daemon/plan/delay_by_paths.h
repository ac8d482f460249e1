#ifndef LAYERD_DAEMON_PLAN_DELAY_BY_PATHS_H_
#define LAYERD_DAEMON_PLAN_DELAY_BY_PATHS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "daemon/plan/ring_paths.h"
#include "daemon/plan/ring_recurrence.h"

namespace layerd {

// What a job asks of drive and processor, and how that lies.
struct JobPaths {
  std::vector<double> paths;  // RingPaths(): [turns] seconds.
  double alone_seconds = 0;   // The greatest of them.
  CrossedCost crossed;        // What it costs a less urgent one.
  double longest_part_seconds = 0;
};
absl::StatusOr<JobPaths> JobPathsOf(const RingCase& ring_case);

// A more urgent task, as often as it comes.
struct OtherTask {
  const JobPaths* job = nullptr;
  int level = 1;
  double period_seconds = 0;
  double jitter_seconds = 0;
};

// What a level computes: all of `jobs`, and one of `begun` if there are any
// (level_window.h).
struct LevelJobs {
  std::vector<const JobPaths*> jobs;
  std::vector<const JobPaths*> begun = {};
};

// When all that a level computes is done, one job after the other, beside more
// urgent tasks: over all numbers of turns m, the greatest
// fixed point of
//
//   R = path(m) + sum over urgent j of N_j whole_j
//       + sum over more urgent levels of  the m + K - 1 greatest to_drive
//                                       + the m + K greatest to_processor
//                                       + the greatest begun_j
//
// of the N_j jobs of each of its tasks, with N_j = ceil((R + J_j) / T_j), K
// jobs in the level, path(m) the longest sequence of one path of each with m
// turns together, less begin_seconds for all but the first of them: it begins
// at a boundary, after a part of anybody (begin_seconds, or the longest of a
// more urgent one, or first_begin_seconds), the others when the one before
// ends. begun_j = alone_j - whole_j - to_drive_j (if one is counted) -
// to_processor_j is for the job that is on at the arrival. ../sched/README.md
// has the argument. Stops at the first value above `limit_seconds`.
// REQUIRES: the level computes something.
double ResponseByPaths(const LevelJobs& level, double begin_seconds,
                       const std::vector<OtherTask>& urgent,
                       double limit_seconds, double first_begin_seconds = 0);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_DELAY_BY_PATHS_H_
