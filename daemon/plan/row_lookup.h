#ifndef LAYERD_DAEMON_PLAN_ROW_LOOKUP_H_
#define LAYERD_DAEMON_PLAN_ROW_LOOKUP_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "daemon/plan/program.h"
#include "daemon/plan/ring_recurrence.h"

namespace layerd {

// What one part of a job looks up in a table at most, whatever the request asks
// for: every row another, and none of them in the cache.
struct RowLookup {
  size_t part = 0;
  uint64_t turns = 0;  // Each asks for as many rows as the cache takes.
  uint64_t tiles = 0;  // That are read in all of them,
  uint64_t bytes = 0;  // and how many bytes that is.
};

// Of a part that has a table, whose cache has so many bytes.
// REQUIRES: `program` is sound; the cache holds a row.
RowLookup RowLookupOf(const Program& program, size_t part,
                      uint64_t cache_bytes);

// What looking up costs whoever waits.
struct LookupCosts {
  double turn_seconds = 0;  // Of lower work, and what the drive is busy with.
  double tile_seconds = 0;  // Beside its bytes.
};

// `ring_case.parts`, where each part that looks up takes as long as its rows
// may be on their way beside its computing. They are read when the part before
// has completed, behind all that the job's ring had room for then: so it names
// the last of these reads. One tile after the other, though several are in
// flight. As they were, if a read is larger than the ring: RingPaths() says so.
std::vector<TimedPart> WithLookups(const RingCase& ring_case,
                                   const std::vector<RowLookup>& lookups,
                                   const LookupCosts& costs);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_ROW_LOOKUP_H_
