#include <sys/mman.h>

#include <algorithm>

#include "config/check.h"
#include "loader/store/format.h"
#include "test/sim/virtual_machine.h"

namespace layerd {

SimStream::SimStream(int level, bool low, uint64_t ring_bytes)
    : level_(level), low_(low), pages_in_use_(ring_bytes / kPageBytes) {
  void* const memory = mmap(nullptr, ring_bytes, PROT_NONE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  LAYERD_CHECK(memory != MAP_FAILED);
  memory_ = {static_cast<std::byte*>(memory), ring_bytes};
  ring_ = std::make_unique<WeightRing>(memory_);
}

SimStream::~SimStream() { munmap(memory_.data(), memory_.size()); }

void SimStream::Begin(const PartTable* table, uint64_t number) {
  LAYERD_CHECK(!on() && ring_->empty());
  table_ = table;
  start_number = number;
  bytes_in_flight = 0;
  placed_.resize(std::max(placed_.size(), table->reads_bytes.size()));
  placed_count_ = read_ = published_ = released_ = 0;
  tile_begin_ = 0;
  wants_room_ = false;
}

// REQUIRES: nothing is in flight, as for a job that has computed all its parts.
void SimStream::End() {
  LAYERD_CHECK(ring_->empty() && bytes_in_flight == 0);
  table_ = nullptr;
}

SimStream::Run SimStream::NextRun(uint64_t bytes_max) {
  Run run;
  const std::byte* end = nullptr;
  while (run.bytes < bytes_max && !exhausted() && PlaceNext()) {
    const uint64_t extent = table_->reads_bytes[read_];
    const uint64_t tile = std::min(kTileBytes, extent - tile_begin_);
    const std::byte* const into =
        placed_[read_].room.bytes.data() + tile_begin_;
    if (run.bytes + tile > bytes_max) break;
    if (run.bytes == 0) {
      run.first_read = read_;
    } else if (into != end) {
      break;  // The ring's seam.
    }
    end = into + tile;
    if (run.bytes == 0 || run.last_read != read_) run.bytes_of_last = 0;
    run.last_read = read_;
    run.bytes += tile;
    run.bytes_of_last += tile;
    if (run.first_read == read_) run.bytes_of_first += tile;
    tile_begin_ += tile;
    if (tile_begin_ == extent) {
      ++read_;
      tile_begin_ = 0;
    }
  }
  return run;
}

bool SimStream::PlaceNext() {
  if (placed_count_ > read_) return true;
  const auto room = ring_->TryTake(table_->reads_bytes[read_]);
  wants_room_ = !room;
  if (!room) return false;
  Mark(room->bytes, true);
  placed_[read_] = {*room, table_->reads_bytes[read_]};
  ++placed_count_;
  return true;
}

void SimStream::Arrive(const Run& run) {
  for (uint32_t read = run.first_read; read <= run.last_read; ++read) {
    uint64_t bytes = table_->reads_bytes[read];
    if (read == run.first_read) {
      bytes = run.bytes_of_first;
    } else if (read == run.last_read) {
      bytes = run.bytes_of_last;
    }
    placed_[read].missing_bytes -= bytes;
  }
  while (published_ < placed_count_ && placed_[published_].missing_bytes == 0) {
    ++published_;
  }
}

bool SimStream::Release(uint32_t read) {
  Mark(placed_[read].room.bytes, false);
  ring_->ReturnOldest();
  ++released_;
  return wants_room_;
}

void SimStream::TakeBack() {
  while (placed_count_ > released_) {
    const Room& room = placed_[--placed_count_].room;
    Mark(room.bytes, false);
    ring_->Discard(room);
  }
}

void SimStream::Mark(std::span<std::byte> room, bool used) {
  const size_t first = (room.data() - memory_.data()) / kPageBytes;
  for (size_t page = first; page < first + room.size() / kPageBytes; ++page) {
    used_twice_ = used_twice_ || pages_in_use_[page] == used;
    pages_in_use_[page] = used;
  }
}

}  // namespace layerd
