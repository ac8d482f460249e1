#ifndef LAYERD_LOADER_LOADER_H_
#define LAYERD_LOADER_LOADER_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "loader/io/io_engine.h"
#include "loader/weight_stream.h"

namespace layerd {

struct LoaderOptions {
  size_t reads_in_flight = 4;  // Of streams; at most the engine's depth.
  // Of lookups beside them: pages that lie anywhere, where only many at once
  // keep a drive busy. As many of the engine's depth as are left.
  size_t lookups_in_flight = 12;
  uint64_t read_bytes_max = 1 << 20;  // Adjacent tiles are joined to this.
  uint64_t inflight_low_bytes = 512 << 10;  // Of all low jobs (read_turns.h).
  int retries_max = 2;  // Of a read that failed or came short, in a row.
};

// The loop that keeps rings full: picks the most urgent stream that has room,
// reads, checks, publishes.
//
// Most urgent is the lowest level number, and among equals the one that started
// first, but lookups, which an executor waits for, before streams. The others
// read when it leaves the drive idle, and never have more than
// inflight_low_bytes in flight together (one tile, if that is more): so long an
// urgent job may have to wait for the drive. A job below the most urgent level
// that has a model keeps to that even while it is alone (StreamRequest::low,
// read_turns.h). Both byte limits are at least one tile.
//
// A read that failed or came short is repeated tile by tile; a tile that does
// not match its checksum is read once more. What stays wrong ends the job:
// INTERNAL for the drive, DATA_LOSS for the file, each naming tile, offset and
// extent. The loader itself goes on.
//
// Cost:      nothing is allocated after construction while all goes well.
// Threading: Run() is the loader thread's whole life, the one place that may
//            wait. Shutdown() and what says so from any, the rest from
//            the executor thread. Start() and Stop() need Run() to be running,
//            to be about to, or to have returned.
class Loader {
 public:
  static constexpr size_t kJobsMax = 16;

  // `engine` outlives the loader and is used by Run()'s thread only (but for
  // Wake()).
  Loader(IoEngine* engine, const LoaderOptions& options);
  // REQUIRES: Run() has returned, or never was called; every job was stopped.
  ~Loader();

  // Returns after Shutdown(), when no read is in flight. Jobs that are still on
  // hear UNAVAILABLE, as do those that are started later. Once.
  void Run();
  void Shutdown();

  // Begins to read for a job. If all it needs is present, the loader is not
  // even woken.
  // REQUIRES: `stream` is idle, and stays where it is until Stop(); fewer than
  // kJobsMax jobs are on; no other of them uses request.ring, which is empty.
  void Start(WeightStream* stream, const StreamRequest& request);

  // A job that was read ahead for has come: from now on its stream is as urgent
  // as `level` says, and `low` as StreamRequest has it. Wakes the loader unless
  // all that the stream has room for is there.
  // REQUIRES: `stream` was started and not stopped.
  void Raise(WeightStream* stream, int level, bool low);

  // Ends a job, done or not: waits until no read of it is in flight, takes
  // back its read-ahead and what the executor has not released; the stream is
  // idle then, and its ring empty.
  void Stop(WeightStream* stream);

  // The first half of Stop(), for one who has something else to do meanwhile:
  // the stream reads no more, and its bell rings when no read is in flight.
  // REQUIRES: `stream` was started and not stopped. Stop() is still due.
  void AskToStop(WeightStream* stream);
  // True if Stop() would not wait. REQUIRES: as above, and it was asked to.
  bool MayStop(const WeightStream& stream) const;

  struct Stats {
    uint64_t read_bytes = 0;
    uint64_t reads = 0;
    uint64_t read_errors = 0;      // I/O, after retries.
    uint64_t checksum_errors = 0;  // Also after reading again.
    uint64_t retries = 0;
    uint64_t lookups = 0;  // Reads of table tiles; also in `reads`.

    friend Stats operator+(const Stats& a, const Stats& b);
  };
  // A read is in flight. Any thread.
  bool reading() const;
  // Any thread; exact for jobs that were stopped.
  Stats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace layerd

#endif  // LAYERD_LOADER_LOADER_H_
