#ifndef LAYERD_LOADER_READ_TURNS_H_
#define LAYERD_LOADER_READ_TURNS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "config/limits.h"

namespace layerd {

// Whose read is next, and how large it may be: the loader's order, without the
// loader, so that the simulated one of test/sim keeps the same.
//
// A stream reads only while no more urgent one has a read in flight or wants
// one: it gets the drive when they leave it idle, because their rings are full.
// What is below the most urgent, and every stream that is low by itself (below
// the most urgent level that has a model, whose request may come any moment),
// may have `low_bytes` in flight together: so long a more urgent read may find
// the drive busy, once each time it has left it idle. What is on its way for
// jobs that were stopped is among that.
//
// For a job that is only expected nothing is read while one that is on has
// anything left to read: else that would find the drive busy each time it has
// left it idle, also at the least urgent level.
//
// Lookups come before the streams of their level, which go on beside them.

// Where there are lookups, a Slot says which are.
template <typename Slot>
bool IsLookup(const Slot& slot) {
  if constexpr (requires { slot.lookup(); }) return slot.lookup();
  return false;
}

// It reads for a job that is only expected.
template <typename Slot>
bool IsExpected(const Slot& slot) {
  return slot.level() > kLevelsMax;
}

// Lower level numbers first; among equals, who started first.
template <typename Slot>
bool ReadsBefore(const Slot& a, const Slot& b) {
  if (a.level() != b.level()) return a.level() < b.level();
  if (IsLookup(a) != IsLookup(b)) return IsLookup(a);
  return a.start_number < b.start_number;
}

// `slots` have something to read or in flight, in the order of ReadsBefore().
// submit(slot, bytes_max) submits the slot's next read if that is at most so
// large and there is room for it; the bytes of the read, or 0. wants(slot):
// there is room for its next tile. `stopped_bytes` are in flight for jobs that
// are no slots any more.
template <typename Slot, typename Submit, typename Wants>
void GiveReadTurns(std::span<Slot* const> slots, uint64_t low_bytes,
                   uint64_t read_bytes_max, Submit submit, Wants wants,
                   uint64_t stopped_bytes = 0) {
  size_t urgent = 1;
  while (urgent < slots.size() && IsLookup(*slots[urgent - 1]) &&
         slots[urgent]->level() == slots.front()->level()) {
    ++urgent;
  }
  const auto urgent_slots = slots.first(std::min(urgent, slots.size()));
  const auto is_low = [&](const Slot* slot) {
    return slot->low() || std::find(urgent_slots.begin(), urgent_slots.end(),
                                    slot) == urgent_slots.end();
  };
  uint64_t low_in_flight = stopped_bytes;
  for (const Slot* slot : slots) {
    if (is_low(slot)) low_in_flight += slot->bytes_in_flight;
  }
  bool busy = false;
  for (size_t i = 0; i < slots.size(); ++i) {
    Slot* const slot = slots[i];
    if (IsExpected(*slot) && !IsExpected(*slots.front())) return;
    const uint64_t tile_bytes = slot->tile_bytes();
    const uint64_t read_max = std::max(read_bytes_max, tile_bytes);
    const uint64_t low_max = std::max(low_bytes, tile_bytes);
    const auto submit_all = [&] {
      while (!is_low(slot) || low_in_flight < low_max) {
        const uint64_t bytes = submit(
            slot, is_low(slot) ? std::min(read_max, low_max - low_in_flight)
                               : read_max);
        if (bytes == 0) break;
        if (is_low(slot)) low_in_flight += bytes;
      }
    };
    submit_all();
    const bool wanted = wants(slot);
    // Room that came back between the two questions: nobody will tell of it
    // again.
    if (wanted && slot->bytes_in_flight == 0) submit_all();
    busy = busy || slot->bytes_in_flight > 0 || wanted;
    const bool next_goes_beside = IsLookup(*slot) && i + 1 < slots.size() &&
                                  slots[i + 1]->level() == slot->level();
    if (busy && !next_goes_beside) return;
  }
}

}  // namespace layerd

#endif  // LAYERD_LOADER_READ_TURNS_H_
