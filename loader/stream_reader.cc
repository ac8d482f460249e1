#include "loader/stream_reader.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "loader/in_flight.h"
#include "loader/store/format.h"

namespace layerd {
namespace {

constexpr uint64_t kReadWorthBytes = 2 << 20;
// To wake the loader takes up to 20 us of the executor's time, where that means
// to start a virtual CPU: a read of less is not worth it.
constexpr uint64_t kWakeWorthBytes = 512 << 10;
// Of the first read for an executor that waits: computing begins after this.
constexpr uint64_t kFirstBytes = 512 << 10;

absl::Status ReadError(const TileRun& run, uint32_t extent, int64_t result,
                       uint64_t asked_bytes) {
  const std::string reason = result < 0
                                 ? std::strerror(static_cast<int>(-result))
                                 : absl::StrFormat("%d bytes came", result);
  return absl::InternalError(absl::StrFormat(
      "tile %d at offset %d of the file (extent %d): a read of %d bytes failed "
      "%d times: %s; check the drive, or whether the file was cut off",
      run.tile, run.offset_bytes + run.checked_bytes, extent, asked_bytes,
      run.failures, reason));
}

}  // namespace

void StreamReader::Begin(WeightStream* stream) {
  stream_ = stream;
  read_ = stream->placed_;
  published_ = stream->placed_;
  failed_read_ = 0;
  failure_ = absl::OkStatus();
  runs_ = 0;
  left_bytes_ = 0;
  for (size_t i = read_; i < request().reads.size(); ++i) {
    left_bytes_ += stream_->entries_[i].unchecked_bytes;
  }
  returned_before_ = request().ring == nullptr ? 0 : request().ring->returned();
}

bool StreamReader::exhausted() const {
  return !failure_.ok() || read_ == request().reads.size();
}

uint64_t StreamReader::in_flight_bytes_max() const {
  if (request().ring == nullptr) return kInFlightBytesMax;
  const uint64_t most = InFlightBytesMax(request().ring->capacity_bytes());
  const bool begins = runs_ == 0 && stream_->starving_.load();
  return begins ? std::min(most, kFirstBytes) : most;
}

std::optional<TileRun> StreamReader::NextRun(uint64_t bytes_max) {
  TileRun run;
  bool may = HasRoomForNext();
  for (; may && run.bytes < bytes_max; may = !exhausted() && PlaceNext()) {
    const uint64_t offset_bytes = request().file->stream().offset_bytes +
                                  stream_->PieceOf(read_).offset_bytes +
                                  tile_begin_;
    const uint64_t tile_bytes = request().file->tiles().stored_bytes(tile_);
    std::byte* const into =
        stream_->entries_[read_].place.bytes.data() + tile_begin_;
    if (run.bytes + tile_bytes > bytes_max) break;
    if (run.bytes == 0) {
      run = TileRun{.into = into,
                    .offset_bytes = offset_bytes,
                    .tile = tile_,
                    .read = read_};
    } else if (into != run.into + run.bytes ||
               offset_bytes != run.offset_bytes + run.bytes) {
      break;
    }
    run.bytes += tile_bytes;
    Advance(tile_bytes);
  }
  Publish();  // Reads that were present.
  run.asked_bytes = run.bytes;
  if (run.bytes == 0) return std::nullopt;
  ++runs_;
  return run;
}

bool StreamReader::HasRoomForNext() {
  while (!exhausted() && MayBegin()) {
    // Else what is present was passed over, and the next one is asked about.
    if (PlaceNext()) return true;
  }
  return false;
}

ReadRequest StreamReader::NextRequest(const TileRun& run) const {
  return {.fd = request().file->fd(),
          .offset_bytes = run.offset_bytes + run.arrived_bytes,
          .into = {run.into + run.arrived_bytes,
                   run.asked_bytes - run.arrived_bytes}};
}

bool StreamReader::Complete(TileRun* run, int64_t result, int retries_max,
                            ReaderStats* stats) {
  const bool finished = Take(run, result, retries_max, stats);
  if (finished) --runs_;
  return finished;
}

bool StreamReader::Take(TileRun* run, int64_t result, int retries_max,
                        ReaderStats* stats) {
  const uint64_t asked_bytes = run->asked_bytes - run->arrived_bytes;
  const uint64_t came_bytes =
      std::min<uint64_t>(std::max<int64_t>(result, 0), asked_bytes) /
      kPageBytes * kPageBytes;
  run->arrived_bytes += came_bytes;
  stats->read_bytes += came_bytes;
  stream_->read_bytes_.fetch_add(came_bytes);
  if (!failure_.ok() && failed_read_ <= run->read) return true;

  if (absl::Status damage = CheckArrived(run); !damage.ok()) {
    if (run->reading_again) {
      ++stats->checksum_errors;
      Fail(run->read, std::move(damage));
      return true;
    }
    // Once more, to tell a damaged file from a damaged transfer.
    run->reading_again = true;
    run->arrived_bytes = run->checked_bytes;
    ++stats->retries;
  } else if (came_bytes < asked_bytes) {
    if (++run->failures > retries_max) {
      ++stats->read_errors;
      Fail(run->read, ReadError(*run, request().reads[run->read].extent, result,
                                asked_bytes));
      return true;
    }
    ++stats->retries;
  }
  Publish();
  if (run->checked_bytes == run->bytes) return true;
  run->asked_bytes =
      run->checked_bytes + request().file->tiles().stored_bytes(run->tile);
  return false;
}

void StreamReader::Abort(absl::Status status) {
  if (!failure_.ok() && failed_read_ <= published_) return;
  Fail(published_, std::move(status));
}

uint64_t StreamReader::worth_bytes() const {
  const uint64_t ring_bytes = request().ring->capacity_bytes();
  return std::clamp(ring_bytes / 4, std::min(ring_bytes / 2, kWakeWorthBytes),
                    kReadWorthBytes);
}

// Each read costs, so while the executor has work the loader waits until there
// is room for one that is worth it. The executor looks at what we wait for
// after it has returned a room or begun to starve, we look again after saying
// it: one of the two sees the other.
bool StreamReader::MayBegin() {
  if (stream_->placed_ != read_ || !stream_->InRing(read_)) return true;
  if (IsWorthReading()) return true;
  const uint64_t next_bytes = stream_->PieceOf(read_).stored_bytes;
  stream_->wake_when_returned_.store(request().ring->ReturnedWhenFree(
      next_bytes, std::min(worth_bytes(), left_bytes_)));
  if (!IsWorthReading()) return false;
  stream_->wake_when_returned_.store(WeightStream::kNeverWake);
  return true;
}

// Of the next read, which has no room yet.
bool StreamReader::IsWorthReading() const {
  WeightRing* const ring = request().ring;
  if (!ring->HasRoom(stream_->PieceOf(read_).stored_bytes)) return false;
  // Nothing has come back: nobody computes yet, and the ring is to be full.
  if (ring->returned() == returned_before_) return true;
  if (ring->free_bytes() >= std::min(worth_bytes(), left_bytes_)) return true;
  return runs_ == 0 && stream_->starving_.load();
}

// Gives the next read its place in memory, if it has none.
bool StreamReader::PlaceNext() {
  while (stream_->placed_ == read_) {
    if (read_ == request().reads.size()) return false;
    const StreamRead& read = request().reads[read_];
    if (stream_->InRing(read_)) {
      const auto room =
          request().ring->TryTake(stream_->PieceOf(read_).stored_bytes);
      if (!room) return false;
      stream_->entries_[read_].place = *room;
    }
    ++stream_->placed_;
    if (read.present) ++read_;
    tile_ = stream_->PieceOf(stream_->placed_ - 1).tiles.first;
    tile_begin_ = 0;
  }
  return true;
}

void StreamReader::Advance(uint64_t tile_bytes) {
  ++tile_;
  tile_begin_ += tile_bytes;
  left_bytes_ -= tile_bytes;
  if (tile_begin_ == stream_->PieceOf(read_).stored_bytes) ++read_;
}

// Checks all tiles that are there as a whole, up to the first that is damaged.
absl::Status StreamReader::CheckArrived(TileRun* run) {
  const TileTable& tiles = request().file->tiles();
  while (run->checked_bytes < run->bytes) {
    const uint64_t tile_bytes = tiles.stored_bytes(run->tile);
    if (run->checked_bytes + tile_bytes > run->arrived_bytes) break;
    RETURN_IF_ERROR(
        tiles.Verify(run->tile, {run->into + run->checked_bytes, tile_bytes}));
    run->checked_bytes += tile_bytes;
    run->failures = 0;
    run->reading_again = false;
    stream_->entries_[run->read].unchecked_bytes -= tile_bytes;
    const TileRange of_read = stream_->PieceOf(run->read).tiles;
    if (++run->tile < of_read.first + of_read.count) continue;
    do {
      ++run->read;
    } while (run->read < request().reads.size() &&
             request().reads[run->read].present);
    Publish();  // Its part need not wait for the rest of the run.
  }
  return absl::OkStatus();
}

void StreamReader::Fail(size_t read, absl::Status status) {
  failure_ = std::move(status);
  failed_read_ = read;
  Publish();
}

// In program order, whatever order the drive keeps.
void StreamReader::Publish() {
  const size_t end = failure_.ok() ? stream_->placed_ : failed_read_;
  while (published_ < end &&
         stream_->entries_[published_].unchecked_bytes == 0) {
    ++published_;
  }
  stream_->Publish(published_);
  if (!failure_.ok() && published_ == failed_read_) stream_->Fail(failure_);
}

}  // namespace layerd
