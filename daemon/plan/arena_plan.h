#ifndef LAYERD_DAEMON_PLAN_ARENA_PLAN_H_
#define LAYERD_DAEMON_PLAN_ARENA_PLAN_H_

#include <cstdint>
#include <vector>

#include "daemon/plan/program.h"

namespace layerd {

inline constexpr uint64_t kArenaAlignment = 256;

// Where the buffers of one program and the scratch of its parts lie in an
// arena. Slots of buffers (arena_slots.h) whose lifetimes do not meet share
// bytes. Parts complete in order, so nothing else needs to be known about time.
//
// Units: bytes from the start of the arena, multiples of kArenaAlignment.
struct ArenaPlan {
  std::vector<uint64_t> buffer_offsets;
  uint64_t scratch_offset = 0;
  uint64_t bytes = 0;  // Buffers and scratch.
};

// Best fit, largest slot first. `scratch_bytes` is that of the greediest
// part; its place is behind the buffers.
ArenaPlan PlanArena(const Program& program, uint64_t scratch_bytes);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_ARENA_PLAN_H_
