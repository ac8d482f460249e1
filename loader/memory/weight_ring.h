#ifndef LAYERD_LOADER_MEMORY_WEIGHT_RING_H_
#define LAYERD_LOADER_MEMORY_WEIGHT_RING_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace layerd {

// Room for one extent: bytes that the loader fills and parts compute with.
struct Room {
  uint64_t begin_bytes = 0;  // Since the first lap, skipped rests included.
  std::span<std::byte> bytes;
};

// Weight bytes in flight between SSD and kernel: first in, first out.
//
// Why a ring: its bytes serve every layer in turn, where a resident byte serves
// only its own. Why linear memory: an extent must be one piece for the kernel,
// so one that would cross the end starts again at 0 and the rest of the lap is
// skipped. With extents of at most a quarter of the ring that costs little.
//
// Units:     bytes, multiples of 4 KiB, as O_DIRECT asks.
// Ownership: `memory` is a range of the slab and outlives the ring. A Room is a
//            loan: the loader holds it until the extent is read, the executor
//            until the last part that needs it has completed.
// Threading: the loader thread takes, the executor thread returns. They meet in
//            one atomic and wait for nothing. Discard() is for whoever speaks
//            for both: the executor, once the loader has let go of the job.
// Cost:      the ring remembers where its rooms begin: 1/512 of its memory
//            beside it, taken once.
class WeightRing {
 public:
  // REQUIRES: memory is 4 KiB-aligned and a positive multiple of 4 KiB long.
  explicit WeightRing(std::span<std::byte> memory);

  size_t capacity_bytes() const { return memory_.size(); }

  // Returns nothing while the ring is full: that is backpressure, no error. An
  // empty ring begins at 0 again, so it has room for every extent that is no
  // larger than the ring, and every job that starts with an empty ring finds
  // the same seams.
  // REQUIRES: bytes is a positive multiple of 4 KiB, at most capacity_bytes().
  std::optional<Room> TryTake(size_t bytes);

  // Whether TryTake(bytes) would return a room.
  bool HasRoom(size_t bytes);
  // What no room takes, rests of laps included; all of it if no room is out.
  uint64_t free_bytes();
  // When returned() is that, HasRoom(next_bytes) and at least `bytes` are free,
  // as far as that can be before the ring is empty.
  uint64_t ReturnedWhenFree(size_t next_bytes, uint64_t bytes);

  // Takes back read-ahead for a job that will not run.
  // REQUIRES: `newest` is the newest room, and no read into it is in flight.
  void Discard(const Room& newest);

  // Executor: the oldest room is free again.
  // REQUIRES: a room is out, and the last part that needs it has completed.
  void ReturnOldest();

  // Rooms that came back since the ring was made. Any thread.
  uint64_t returned() const { return returned_.load(); }

  // No room is out. For whoever may Discard().
  bool empty() const;

 private:
  void ForgetReturned();
  uint64_t BeginOf(uint64_t room) const {
    return begins_bytes_[room % begins_bytes_.size()];
  }
  // Where the next room would begin.
  uint64_t NextBegin(size_t bytes) const;

  std::span<std::byte> memory_;
  // Loader thread only:
  uint64_t taken_bytes_ = 0;            // Where the newest room ends.
  std::vector<uint64_t> begins_bytes_;  // Of the rooms still out, circular.
  uint64_t oldest_ = 0;                 // Rooms since the first lap.
  uint64_t newest_ = 0;                 // One past.
  // Rooms, counted by the executor.
  std::atomic<uint64_t> returned_{0};
};

}  // namespace layerd

#endif  // LAYERD_LOADER_MEMORY_WEIGHT_RING_H_
