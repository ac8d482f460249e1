#include "daemon/plan/arena_plan.h"

#include <algorithm>
#include <numeric>

#include "daemon/plan/arena_slots.h"

namespace layerd {
namespace {

uint64_t Aligned(uint64_t bytes) {
  return (bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
}

struct Placed {
  uint64_t begin, end;
  Lifetime life;
};

// The smallest gap that holds `bytes` among the placed that live at the same
// time; `placed` is ordered by begin.
uint64_t BestFit(const std::vector<Placed>& placed, const Lifetime& life,
                 uint64_t bytes) {
  uint64_t best = 0, best_gap = ~uint64_t{0}, free_from = 0;
  for (const Placed& other : placed) {
    if (!other.life.Meets(life)) continue;
    if (other.begin >= free_from + bytes &&
        other.begin - free_from < best_gap) {
      best = free_from;
      best_gap = other.begin - free_from;
    }
    free_from = std::max(free_from, other.end);
  }
  return best_gap == ~uint64_t{0} ? free_from : best;
}

std::vector<size_t> LargestFirst(const ArenaSlots& slots) {
  std::vector<size_t> order(slots.bytes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return slots.bytes[a] != slots.bytes[b]
               ? slots.bytes[a] > slots.bytes[b]
               : slots.lives[a].first < slots.lives[b].first;
  });
  return order;
}

}  // namespace

ArenaPlan PlanArena(const Program& program, uint64_t scratch_bytes) {
  const ArenaSlots slots = ArenaSlotsOf(program);
  std::vector<uint64_t> offsets(slots.bytes.size());
  ArenaPlan plan;
  std::vector<Placed> placed;
  for (size_t slot : LargestFirst(slots)) {
    const uint64_t bytes = Aligned(slots.bytes[slot]);
    if (bytes == 0) break;
    const uint64_t begin = BestFit(placed, slots.lives[slot], bytes);
    offsets[slot] = begin;
    plan.scratch_offset = std::max(plan.scratch_offset, begin + bytes);
    const Placed mine{begin, begin + bytes, slots.lives[slot]};
    placed.insert(std::upper_bound(placed.begin(), placed.end(), mine,
                                   [](const Placed& a, const Placed& b) {
                                     return a.begin < b.begin;
                                   }),
                  mine);
  }
  for (size_t slot : slots.of_buffer) {
    plan.buffer_offsets.push_back(offsets[slot]);
  }
  plan.bytes = plan.scratch_offset + Aligned(scratch_bytes);
  return plan;
}

}  // namespace layerd
