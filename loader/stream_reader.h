#ifndef LAYERD_LOADER_STREAM_READER_H_
#define LAYERD_LOADER_STREAM_READER_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "loader/io/io_engine.h"
#include "loader/weight_stream.h"

namespace layerd {

// Tiles that lie one after the other in the file and in memory, of one extent
// or of several: one read of the drive, unless it fails. After that the rest is
// read tile by tile, so that an error names the tile it is about.
struct TileRun {
  std::byte* into = nullptr;
  uint64_t offset_bytes = 0;  // In the file.
  uint64_t bytes = 0;

  size_t tile = 0;             // The next one to check,
  size_t read = 0;             // which belongs to this read of the program
  uint64_t checked_bytes = 0;  // and begins here, since `into`.
  uint64_t arrived_bytes = 0;
  uint64_t asked_bytes = 0;    // What is in flight ends here.
  int failures = 0;            // Of the drive, in a row.
  bool reading_again = false;  // The tile did not match its checksum.
};

// What is worth telling, summed up over all streams.
struct ReaderStats {
  uint64_t read_bytes = 0;
  uint64_t read_errors = 0;
  uint64_t checksum_errors = 0;
  uint64_t retries = 0;
};

//     SSD --tiles--> [StreamReader] --extents--> WeightStream --> executor
//
// The loader's side of a WeightStream: what to read next, and what came of it.
// Takes rooms in program order, as far ahead of compute as the ring allows;
// checks every tile; publishes reads in program order. Never blocks, never
// submits: that is the loader's.
//
// Threading: loader thread, but for Begin().
class StreamReader {
 public:
  // Before the loader knows the stream.
  void Begin(WeightStream* stream);

  // Nothing more to submit: all is in flight or there, or the job has failed.
  bool exhausted() const;
  const StreamRequest& request() const { return stream_->request_; }

  // The longest run of next tiles that has room, of at most `bytes_max`.
  // Nothing if there is no room, not even the next tile is that small, or a
  // read is not yet worth its cost: see IsWorthReading().
  std::optional<TileRun> NextRun(uint64_t bytes_max);

  // There is a next tile, and room for it that is worth a read: takes the room.
  bool HasRoomForNext();

  // How many bytes may be in flight now: InFlightBytesMax() of the ring, less
  // when the executor waits for a drive that had nothing to do.
  uint64_t in_flight_bytes_max() const;

  // What to read now for an unfinished `run`.
  ReadRequest NextRequest(const TileRun& run) const;

  // Takes what the drive answered. True if the run is finished, well or not;
  // else there is another NextRequest().
  bool Complete(TileRun* run, int64_t result, int retries_max,
                ReaderStats* stats);

  // The executor hears `status` for all that has not arrived.
  void Abort(absl::Status status);

 private:
  // A quarter of a ring, at most as much as a read is to have; half of a small
  // one.
  uint64_t worth_bytes() const;
  bool MayBegin();
  bool IsWorthReading() const;
  bool PlaceNext();
  bool Take(TileRun* run, int64_t result, int retries_max, ReaderStats* stats);
  void Advance(uint64_t tile_bytes);

  absl::Status CheckArrived(TileRun* run);
  void Fail(size_t read, absl::Status status);
  void Publish();

  WeightStream* stream_ = nullptr;
  // The next tile to submit.
  size_t read_ = 0;               // Of the program; all before it have a place.
  size_t tile_ = 0;               // Of the file, once read_ has a place.
  uint64_t tile_begin_ = 0;       // In the extent.
  uint64_t left_bytes_ = 0;       // To submit, from there on.
  size_t runs_ = 0;               // That are not finished.
  uint64_t returned_before_ = 0;  // Rooms of the ring, when the job began.
  size_t published_ = 0;
  // The first failure in program order; nothing after it is published.
  size_t failed_read_ = 0;
  absl::Status failure_;
};

}  // namespace layerd

#endif  // LAYERD_LOADER_STREAM_READER_H_
