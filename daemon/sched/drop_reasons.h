#ifndef LAYERD_DAEMON_SCHED_DROP_REASONS_H_
#define LAYERD_DAEMON_SCHED_DROP_REASONS_H_

#include <cstddef>

#include "absl/status/status.h"
#include "daemon/rt/clock.h"
#include "daemon/sched/job.h"
#include "daemon/sched/lane.h"

namespace layerd {

// Why a job is not computed, or not to its end: what its client hears. In a
// file of its own, for the scheduler asks when, and these say it.
//
// Threading: any.

// UNAVAILABLE.
absl::Status ShuttingDown();

// RESOURCE_EXHAUSTED: `waiting` jobs are in the queue of `level` already.
absl::Status QueueIsFull(size_t waiting, int level);

// DEADLINE_EXCEEDED. `lane`: where it is on, or null if its turn never came.
// REQUIRES: now > job.deadline.
absl::Status TooLate(const Job& job, const Lane* lane, Instant now);

// DEADLINE_EXCEEDED if what is predicted of `job`, whose turn has come, cannot
// be done in time. Of a declared task nothing is predicted that its promise
// does not hold.
absl::Status InTime(const Job& job, Instant now);

}  // namespace layerd

#endif  // LAYERD_DAEMON_SCHED_DROP_REASONS_H_
