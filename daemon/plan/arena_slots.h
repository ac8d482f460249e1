#ifndef LAYERD_DAEMON_PLAN_ARENA_SLOTS_H_
#define LAYERD_DAEMON_PLAN_ARENA_SLOTS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "daemon/plan/program.h"

namespace layerd {

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
