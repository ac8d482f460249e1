#include "daemon/plan/arena_plan.h"

#include <algorithm>
#include <numeric>

#include "daemon/plan/arena_slots.h"
#include "daemon/plan/arena_space.h"

namespace layerd {
namespace {

uint64_t Aligned(uint64_t bytes) {
  return (bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
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
  ArenaSpace space(slots.lives);
  for (size_t slot : LargestFirst(slots)) {
    const uint64_t bytes = Aligned(slots.bytes[slot]);
    if (bytes == 0) break;
    offsets[slot] = space.BestFit(slots.lives[slot], bytes);
    const uint64_t end = offsets[slot] + bytes;
    space.Take(slots.lives[slot], {offsets[slot], end});
    plan.scratch_offset = std::max(plan.scratch_offset, end);
  }
  for (size_t slot : slots.of_buffer) {
    plan.buffer_offsets.push_back(offsets[slot]);
  }
  plan.bytes = plan.scratch_offset + Aligned(scratch_bytes);
  return plan;
}

}  // namespace layerd
