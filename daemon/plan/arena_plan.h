#ifndef LAYERD_DAEMON_PLAN_ARENA_PLAN_H_
#define LAYERD_DAEMON_PLAN_ARENA_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "daemon/plan/program.h"

namespace layerd {

inline constexpr uint64_t kArenaAlignment = 256;

// The parts during which the bytes of a buffer mean something, both ends
// included. Graph inputs live from part 0, graph outputs to the last part. A
// buffer that nothing touches has first > last.
struct Lifetime {
  size_t first = 1;
  size_t last = 0;
  bool Meets(const Lifetime& other) const {
    return first <= other.last && other.first <= last;
  }
};

// One for each buffer of the program.
std::vector<Lifetime> LifetimesOf(const Program& program);

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

// No placement needs less: the most bytes that live at one part.
uint64_t LiveBytesMax(const Program& program);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_ARENA_PLAN_H_
