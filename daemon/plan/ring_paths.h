#ifndef LAYERD_DAEMON_PLAN_RING_PATHS_H_
#define LAYERD_DAEMON_PLAN_RING_PATHS_H_

#include <cstddef>
#include <optional>
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
// the larger of the two only where its path crosses over (CrossedCost).
//
// O((parts + reads) x turns), and there are as many turns as ring fills.
// Errors: as RingFinishTimes().
// REQUIRES: nothing is prefilled.
absl::StatusOr<std::vector<double>> RingPaths(const RingCase& ring_case);

// For each read, the part whose end makes room for it, in order; none: there
// was room from the start. REQUIRES, as for the next: RingPaths() found no
// error, or RingFinishTimes().
std::vector<std::optional<size_t>> RoomGates(const RingCase& ring_case);

// What a job costs a less urgent one. Of the seconds that it reads and those
// that it computes the other pays for one kind at a time: where the other's
// path is at the drive for the reads, where it is on the processor for the
// parts. `whole` is the larger of the two, for a path that never changes sides
// while the job is on; to_drive[k] what the (k + 1)th change from the processor
// to the drive adds at most, to_processor[k] the same the other way. The last
// holds for all further ones.
struct CrossedCost {
  double whole_seconds = 0;
  std::vector<double> to_drive_seconds, to_processor_seconds;
};

// From the two places where a change of sides can do harm (../sched/README.md):
// to the drive, a read that waited for room; to the processor, either a part
// that waited for its extent, blocked as `ring_case` says, or without that the
// oldest part that can be left once an extent was read. O(parts + reads).
// REQUIRES: RingPaths() found no error.
CrossedCost CrossedCostOf(const RingCase& ring_case);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_RING_PATHS_H_
