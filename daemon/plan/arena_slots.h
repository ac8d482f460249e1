#ifndef LAYERD_DAEMON_PLAN_ARENA_SLOTS_H_
#define LAYERD_DAEMON_PLAN_ARENA_SLOTS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "daemon/plan/arena_plan.h"
#include "daemon/plan/program.h"

namespace layerd {

// What an arena has room for: a slot for each buffer, but one for both where a
// layer writes its output over an input that nobody needs afterwards, as a sum
// over the residual (kernels/in_place.h), and so on from sum to sum. Such a
// network needs one picture less, and writes where it has just read.
struct ArenaSlots {
  std::vector<size_t> of_buffer;
  std::vector<uint64_t> bytes;  // Of each slot; 0: nothing is there.
  std::vector<Lifetime> lives;
};

ArenaSlots ArenaSlotsOf(const Program& program);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_ARENA_SLOTS_H_
