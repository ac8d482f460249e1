#include "loader/memory/weight_ring.h"

#include <algorithm>

#include "config/check.h"
#include "loader/store/format.h"

namespace layerd {
namespace {

bool IsPages(uint64_t bytes) { return bytes > 0 && bytes % kPageBytes == 0; }

}  // namespace

WeightRing::WeightRing(std::span<std::byte> memory)
    : memory_(memory), begins_bytes_(memory.size() / kPageBytes) {
  LAYERD_CHECK(IsPages(memory.size()));
  LAYERD_CHECK(reinterpret_cast<uintptr_t>(memory.data()) % kPageBytes == 0);
}

std::optional<Room> WeightRing::TryTake(size_t bytes) {
  LAYERD_CHECK(IsPages(bytes) && bytes <= capacity_bytes());
  if (!HasRoom(bytes)) return std::nullopt;
  const uint64_t begin = NextBegin(bytes);
  begins_bytes_[newest_++ % begins_bytes_.size()] = begin;
  taken_bytes_ = begin + bytes;
  return Room{begin, memory_.subspan(begin % capacity_bytes(), bytes)};
}

bool WeightRing::HasRoom(size_t bytes) {
  ForgetReturned();
  return oldest_ == newest_ ||
         NextBegin(bytes) + bytes <= BeginOf(oldest_) + capacity_bytes();
}

uint64_t WeightRing::free_bytes() {
  ForgetReturned();
  if (oldest_ == newest_) return capacity_bytes();
  return BeginOf(oldest_) + capacity_bytes() - taken_bytes_;
}

uint64_t WeightRing::ReturnedWhenFree(size_t next_bytes, uint64_t bytes) {
  ForgetReturned();
  const uint64_t end =
      std::max(NextBegin(next_bytes) + next_bytes, taken_bytes_ + bytes);
  uint64_t returned = oldest_;
  while (returned < newest_ && BeginOf(returned) + capacity_bytes() < end) {
    ++returned;
  }
  return returned;
}

uint64_t WeightRing::NextBegin(size_t bytes) const {
  const uint64_t at = taken_bytes_ % capacity_bytes();
  const uint64_t rest_of_lap = capacity_bytes() - at;
  // A new job finds the seam where the planner has reckoned with it.
  if (oldest_ == newest_ && at > 0) return taken_bytes_ + rest_of_lap;
  return taken_bytes_ + (bytes > rest_of_lap ? rest_of_lap : 0);
}

void WeightRing::Discard(const Room& newest) {
  ForgetReturned();
  LAYERD_CHECK(oldest_ < newest_);
  --newest_;
  LAYERD_CHECK(begins_bytes_[newest_ % begins_bytes_.size()] ==
               newest.begin_bytes);
  taken_bytes_ = newest.begin_bytes;
}

// Sequentially consistent, as is the load in ForgetReturned(): "is there room
// now?" after "I want room" must not miss a return that saw no want.
void WeightRing::ReturnOldest() { returned_.fetch_add(1); }

bool WeightRing::empty() const { return returned_.load() == newest_; }

// What came back needs no entry: the newest room counts rooms as returned_ does
// because Discard() takes back from the other end.
void WeightRing::ForgetReturned() {
  oldest_ = returned_.load();
  LAYERD_CHECK(oldest_ <= newest_, "more rooms came back than were out");
}

}  // namespace layerd
