#ifndef LAYERD_DAEMON_PLAN_SCHEDULABILITY_H_
#define LAYERD_DAEMON_PLAN_SCHEDULABILITY_H_

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "config/limits.h"
#include "daemon/plan/analyzed_task.h"
#include "daemon/plan/delay_by_paths.h"
#include "daemon/plan/ring_recurrence.h"
#include "daemon/plan/row_lookup.h"

namespace layerd {

// The worst response of each task, by
//
//   R_i = alone_i + sum over higher levels j of ceil((R_i + J_j) / T_j) *
//   alone_j
//         + what its own level puts before it (level_window.h)
//
// from below to the fixed point.
//
// A task that has no fixed point within its deadline gets the first value above
// it: it is refused, and more is not needed.
std::vector<double> ResponseTimes(const std::vector<AnalyzedTask>& tasks,
                                  bool earliest_deadline_first);

// A model's program on one machine, in the memory that it was planned.
struct TaskProgram {
  std::string name;  // For messages.
  int level = 1;
  double period_seconds = 0;    // 0: undeclared, best effort.
  double deadline_seconds = 0;  // 0: the period.
  // A job may come so much before its period has passed, as long as the next
  // comes no earlier for it. Response and jitter must fit into the period, so
  // that a job never meets the one before.
  double jitter_seconds = 0;
  std::vector<uint64_t> reads_bytes;  // That go through the ring.
  std::vector<TimedPart> parts;
  std::vector<RowLookup> lookups = {};  // Of parts, in order.
  // What nearly all of them kept to while the model was served, if that is
  // longer than the longest; 0: not known.
  double seen_part_seconds = 0;
};

// What all tasks share.
struct Supply {
  double drive_bytes_per_s = 0;  // That the drive keeps to in nearly all
                                 // reads: a quantile, not the mean.
  double first_read_seconds = 0;
  std::array<uint64_t, kLevelsMax> ring_bytes{};  // Of each level.
  uint64_t inflight_low_bytes = 512 << 10;        // As LoaderOptions has these.
  uint64_t read_bytes_max = 1 << 20;
  // Of a job, that a device computes or is to compute without being asked again
  // who comes first. 1: each is done before somebody else is looked at.
  size_t parts_open_max = 1;
  bool earliest_deadline_first = false;  // Inside a level.
  // Of what was measured of the drive, which of its looks rate and first
  // read stand for (0.9: nine of ten were no slower), and the margin on that;
  // 0: unknown.
  struct Drive {
    double quantile = 0, margin = 0;
  } drive;
};

// What is promised of one task, and why.
struct Guarantee {
  // Each time it waits: the longest part of lower levels, or all that a device
  // was given of them,
  double block_compute_seconds = 0;
  // what lower levels have in flight at the drive, or is read ahead,
  double block_read_seconds = 0;
  // and what the drive reads together with that which it waits for.
  double join_seconds = 0;
  // Once, if no lower level reads: what is read ahead for another.
  double ahead_seconds = 0;
  double alone_seconds = 0;
  double response_seconds = 0;
  double deadline_seconds = 0;
  bool holds = false;
};

// A task with its job and what lower work does to it: what of the analysis
// depends on no other task's memory.
struct AnalyzedJob {
  AnalyzedTask task;
  JobPaths paths;
  Guarantee blocking;  // No response yet.
  // Its path changes sides where no ring says so: there are no paths of it.
  bool looks_up = false;
};
// `tasks` are all, itself among them. Errors: as RingFinishTimes().
absl::StatusOr<AnalyzedJob> JobOf(const TaskProgram& task,
                                  const std::vector<TaskProgram>& tasks,
                                  const Supply& supply);

// The rest of it: what `jobs[of]` is promised beside the others, all of them
// declared. Less urgent ones may be left out.
Guarantee GuaranteeBeside(const std::vector<const AnalyzedJob*>& jobs,
                          size_t of, bool earliest_deadline_first);

// The smaller of ResponseTimes() and ResponseByPaths() (../sched/README.md),
// the former where anybody looks up that is as urgent, for every declared task,
// in order. Those that are best effort have holds = false and only the blocking
// that they see. Errors: as RingFinishTimes(); INVALID_ARGUMENT if a declared
// task does not
//         have a level above every undeclared model, or its deadline is later
//         than its period.
absl::StatusOr<std::vector<Guarantee>> Guarantees(
    const std::vector<TaskProgram>& tasks, const Supply& supply);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_SCHEDULABILITY_H_
