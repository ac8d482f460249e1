#ifndef LAYERD_DAEMON_PLAN_RING_DEMAND_H_
#define LAYERD_DAEMON_PLAN_RING_DEMAND_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "daemon/plan/program.h"

namespace layerd {

// How small the weight ring of one program may be, for each choice of its
// resident head.
//
// The head is the first extents in the order of first use; a tensor that is
// read twice lies there once. What is not in the head goes through the ring in
// the order of the reads. When a part first needs read i, every older read with
// a part still to come is held, and a room returns only after all older ones:
// so the ring must hold everything from the oldest held read to i, plus the
// rest of a lap that is skipped where an extent would cross the end. The skip
// depends on where in the ring a job begins, and jobs begin anywhere: the
// minimum here is enough wherever that is, and no smaller ring is. On top of
// that a ring holds two of its largest extents, so that one is read while
// another computes.
//
// Units: bytes, multiples of 4 KiB. Heads come in steps: step s of steps().
class RingDemand {
 public:
  // All the steps cost O(reads * steps): up to 2 048 extents each head is
  // there, above that 256 of them, evenly spread, and fewer where there are so
  // many reads that it would take seconds.
  explicit RingDemand(const Program& program);

  struct Step {
    size_t head_extents = 0;
    uint64_t head_bytes = 0;
    uint64_t ring_bytes_min = 0;  // 0 when all is resident.
    uint64_t streamed_bytes = 0;  // By one job.
    uint64_t largest_bytes = 0;   // Of the extents that stream.
  };
  // From no head to all resident: heads grow, ring minima never do.
  const std::vector<Step>& steps() const { return steps_; }
  // The first step that runs in a ring of that size.
  size_t LeastStep(uint64_t ring_bytes) const;
  // The last step whose head is at most that large.
  size_t GreatestStep(uint64_t head_bytes) const;

  // Extents in the order of first use; a head is a prefix of it.
  const std::vector<uint32_t>& order() const { return order_; }
  // Of all extents that are read.
  uint64_t weight_bytes() const { return steps_.back().head_bytes; }

 private:
  struct Read {
    uint64_t bytes = 0;
    size_t rank = 0;  // Of its extent in order_.
    size_t first_part = 0, last_part = 0;
  };
  Step StepOf(const std::vector<Read>& reads, size_t head_extents) const;

  std::vector<uint32_t> order_;
  std::vector<uint64_t> head_bytes_;  // Of the first n of order_.
  std::vector<Step> steps_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_RING_DEMAND_H_
