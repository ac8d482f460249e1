#ifndef LAYERD_DAEMON_PLAN_RING_PATHS_H_
#define LAYERD_DAEMON_PLAN_RING_PATHS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "daemon/plan/ring_recurrence.h"

namespace layerd {

// What holds up the end of a job is a path through its reads and parts: along
// the drive, over to the processor where a part waited for its extent, back to
// the drive where a read waited for room, and so on. The [turns] of it: the
// longest path that goes back to the drive exactly so often, delays by lower
// work included at each crossing; below 0 if there is none. The greatest of
// them is the last of RingFinishTimes().
//
// Why apart: while the path is on the processor only what others compute delays
// it, while it is at the drive only what they read; a job pays for more than
// the larger of the two at most once a crossing (schedulability.h).
//
// O((parts + reads) x turns), and there are as many turns as ring fills.
// Errors: as RingFinishTimes().
// REQUIRES: nothing is prefilled.
absl::StatusOr<std::vector<double>> RingPaths(const RingCase& ring_case);

// The most that one job can read before some moment and compute after it.
// Extents that were read and not yet computed with fit into the ring.
double ReadThenComputeSeconds(const RingCase& ring_case);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_RING_PATHS_H_
