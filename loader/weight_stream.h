#ifndef LAYERD_LOADER_WEIGHT_STREAM_H_
#define LAYERD_LOADER_WEIGHT_STREAM_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "loader/bell.h"
#include "loader/io/io_engine.h"
#include "loader/memory/weight_ring.h"
#include "loader/store/layer_file_reader.h"

namespace layerd {

// One extent that a job needs, or one tile of a table, and where it is to lie.
struct StreamRead {
  uint32_t extent = 0;
  // Resident memory of its own, at least the extent's stored bytes, if it
  // stays; empty if it goes through the ring.
  std::span<std::byte> resident = {};
  // The resident memory holds it already: nothing is read.
  bool present = false;
  // Only this tile of the extent, counted from its first.
  std::optional<uint32_t> tile = std::nullopt;
};

// What a job asks of the loader.
struct StreamRequest {
  const LayerFileReader* file = nullptr;
  std::span<const StreamRead> reads;  // In the order of the program.
  WeightRing* ring = nullptr;         // Null if every read is resident.
  // 1 is the most urgent. Reading ahead for jobs that are only expected comes
  // after all levels (kLevelsMax).
  int level = 1;
  // Not of the most urgent level that has a model, or only for a job that is
  // expected, where a job of another level may come: what it has in flight is
  // capped even while it is the only one.
  bool low = false;
  // Rung when reads have arrived, or will not, and when the loader lets go.
  // Outlives the loader.
  Bell* bell = nullptr;
  // Rows of a table that the executor waits for now: before other streams of
  // the level, and more reads in flight, for they are small.
  bool lookup = false;
};

// The extents of one job on their way from the drive, in program order.
//
//     SSD --tiles--> [Loader] --extents--> WeightStream --> executor
//
// Made once for a level and used for one job after another, so that nothing is
// allocated per request. The loader fills it; the executor waits for read i,
// computes, and releases it. The ring is the only throttle. Every tile passed
// its checksum before Wait() returns it. The first error (in program order) is
// final: it is returned for that read and all later ones.
//
// No deadlock needs a promise of the plan: the ring has room for read i beside
// all that the executor has not released when it waits for read i.
//
// Ownership: the executor's; file, reads, ring and resident memory of the
//            request outlive the job. Resident memory may be given away, and
//            counts as present, only once Wait() has returned it.
// Threading: Wait, Release, Arrived: executor thread. The rest is between this
//            class and the loader: atomics, no lock.
class WeightStream {
 public:
  // `reads_max`: of the largest program that will run through it.
  explicit WeightStream(size_t reads_max);
  // REQUIRES: idle: every Start() had its Stop().
  ~WeightStream();
  WeightStream(const WeightStream&) = delete;
  WeightStream& operator=(const WeightStream&) = delete;

  // Blocks until read `i` has arrived, then its bytes; or why it will not.
  // REQUIRES, as for the two below: a job is on, i < its reads.
  absl::StatusOr<std::span<const std::byte>> Wait(size_t i);
  // True if Wait(i) would not block.
  bool Arrived(size_t i) const;
  // The same, for one who will come back to ask again until it is: whatever
  // room there is, the loader is to use now.
  bool Await(size_t i);
  // The reads [0, n) that have arrived, and whether no more will come. May be
  // asked when no job is on: 0, false.
  size_t arrived_count() const { return CountOf(published_.load()); }
  bool failed() const { return (published_.load() & kFailed) != 0; }
  // The last part that uses read `i` has completed. In any order: rooms go
  // back to the ring oldest first, as soon as all older ones were released.
  // REQUIRES: read i has arrived, without an error.
  void Release(size_t i);

  // Of this job so far, for statistics. Any thread.
  uint64_t read_bytes() const { return read_bytes_.load(); }

 private:
  friend class Loader;
  friend class StreamReader;

  // The life of a read: assigned a place by the loader, published by the
  // loader, released by the executor. Each field has one writer.
  struct Entry {
    Room place;                    // Loader; begin_bytes for ring rooms only.
    uint64_t unchecked_bytes = 0;  // Loader.
    bool released = false;         // Executor.
  };

  // How many reads have arrived, and whether no more will.
  static constexpr uint32_t kFailed = uint32_t{1} << 31;
  static uint32_t CountOf(uint32_t published) { return published & ~kFailed; }

  // Executor, while the loader does not know the stream: before Start(), and
  // after the loader has let go.
  void Begin(const StreamRequest& request, IoEngine* engine);
  void End();
  bool idle() const { return request_.file == nullptr; }
  bool all_present() const { return placed_ == request_.reads.size(); }

  // Executor: there is more to read, and room for that as far as is known.
  bool MayBeHeldBack() const {
    return !failed() && arrived_count() < request_.reads.size() &&
           wake_when_returned_.load() == kNeverWake;
  }
  // Executor: wakes the loader if it waits for room.
  void OfferRoom();
  // Executor: it can do nothing before the next read has come.
  void Starve(bool starves);

  // Loader, or executor while the loader does not know the stream.
  void Publish(size_t count);
  void Fail(absl::Status status);

  bool InRing(size_t i) const { return request_.reads[i].resident.empty(); }
  // What read i reads: an extent, or one tile of it.
  struct Piece {
    uint64_t offset_bytes;  // In the stream of the file.
    uint64_t stored_bytes;
    TileRange tiles;
  };
  Piece PieceOf(size_t i) const;

  std::vector<Entry> entries_;
  StreamRequest request_;
  IoEngine* engine_ = nullptr;  // To wake the loader when a room came back.
  size_t slot_ = 0;             // Of the loader, while it knows the stream.
  size_t oldest_ = 0;           // Executor: the first read not yet released.
  size_t placed_ = 0;           // Loader: reads that have a place in memory.
  absl::Status status_;         // Written before kFailed is published.
  std::atomic<uint32_t> published_{0};
  // The loader waits until so many rooms of the ring have come back.
  static constexpr uint64_t kNeverWake = ~uint64_t{0};
  std::atomic<uint64_t> wake_when_returned_{kNeverWake};
  std::atomic<bool> starving_{false};  // The executor, for the next read.
  std::atomic<uint64_t> read_bytes_{0};
};

}  // namespace layerd

#endif  // LAYERD_LOADER_WEIGHT_STREAM_H_
