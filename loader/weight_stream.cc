#include "loader/weight_stream.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "config/check.h"

namespace layerd {

WeightStream::WeightStream(size_t reads_max) : entries_(reads_max) {
  LAYERD_CHECK(reads_max < kFailed);
}

WeightStream::~WeightStream() {
  LAYERD_CHECK(idle(), "the kernel may still write here");
}

absl::StatusOr<std::span<const std::byte>> WeightStream::Wait(size_t i) {
  LAYERD_CHECK(i < request_.reads.size());
  uint32_t published = published_.load();
  while (CountOf(published) <= i) {
    if (published & kFailed) return status_;
    Starve(true);
    published_.wait(published);
    published = published_.load();
  }
  Starve(false);
  return std::span<const std::byte>(entries_[i].place.bytes);
}

bool WeightStream::Arrived(size_t i) const {
  LAYERD_CHECK(i < request_.reads.size());
  const uint32_t published = published_.load();
  return CountOf(published) > i || (published & kFailed);
}

bool WeightStream::Await(size_t i) {
  if (!Arrived(i)) Starve(true);
  if (!Arrived(i)) return false;
  Starve(false);
  return true;
}

void WeightStream::OfferRoom() {
  if (wake_when_returned_.exchange(kNeverWake) != kNeverWake) engine_->Wake();
}

// The loader looks whether we starve after it has said what it waits for, we
// look for that after starving: one of the two sees the other.
void WeightStream::Starve(bool starves) {
  if (starving_.load(std::memory_order_relaxed) != starves) {
    starving_.store(starves);
  }
  if (starves) OfferRoom();
}

void WeightStream::Release(size_t i) {
  LAYERD_CHECK(i < CountOf(published_.load()));
  LAYERD_CHECK(!entries_[i].released, absl::StrFormat("read %d, twice", i));
  entries_[i].released = true;
  const size_t reads = request_.reads.size();
  for (; oldest_ < reads && entries_[oldest_].released; ++oldest_) {
    if (!InRing(oldest_)) continue;
    request_.ring->ReturnOldest();
    // Room for one extent makes a small read, and each waking costs: while the
    // executor has work, the loader is woken for a read that is worth it.
    if (request_.ring->returned() >= wake_when_returned_.load()) OfferRoom();
  }
}

void WeightStream::Begin(const StreamRequest& request, IoEngine* engine) {
  LAYERD_CHECK(idle());
  LAYERD_CHECK(request.file != nullptr);
  LAYERD_CHECK(request.reads.size() <= entries_.size());
  request_ = request;
  engine_ = engine;
  for (size_t i = 0; i < request.reads.size(); ++i) {
    const StreamRead& read = request.reads[i];
    LAYERD_CHECK(read.extent < request.file->extents().size());
    LAYERD_CHECK(!read.tile ||
                 *read.tile < request.file->tiles().TilesOf(read.extent).count);
    const uint64_t stored_bytes = PieceOf(i).stored_bytes;
    LAYERD_CHECK(InRing(i) ? request.ring != nullptr && !read.present &&
                                 stored_bytes <= request.ring->capacity_bytes()
                           : stored_bytes <= read.resident.size());
    entries_[i] = Entry{
        .place = {.bytes = read.resident.first(InRing(i) ? 0 : stored_bytes)},
        .unchecked_bytes = read.present ? 0 : stored_bytes};
  }
  oldest_ = 0;
  placed_ = 0;
  status_ = absl::OkStatus();
  wake_when_returned_.store(kNeverWake);
  starving_.store(false);
  read_bytes_.store(0);
  // What is there at the start costs no turn of the loader.
  while (!all_present() && request.reads[placed_].present) ++placed_;
  published_.store(static_cast<uint32_t>(placed_));
}

void WeightStream::End() {
  for (size_t i = placed_; i > oldest_; --i) {
    if (InRing(i - 1)) request_.ring->Discard(entries_[i - 1].place);
  }
  request_ = StreamRequest{};
  published_.store(0);
}

WeightStream::Piece WeightStream::PieceOf(size_t i) const {
  const StreamRead& read = request_.reads[i];
  const TileTable& tiles = request_.file->tiles();
  const TileRange all = tiles.TilesOf(read.extent);
  if (!read.tile) {
    const Extent& extent = request_.file->extents()[read.extent];
    return {extent.offset_bytes, extent.stored_bytes, all};
  }
  const size_t tile = all.first + *read.tile;
  return {tiles.offset_bytes(tile), tiles.stored_bytes(tile), {tile, 1}};
}

void WeightStream::Publish(size_t count) {
  if (CountOf(published_.load()) == count) return;
  published_.store(static_cast<uint32_t>(count));
  published_.notify_all();
  if (request_.bell != nullptr) request_.bell->Ring();
}

void WeightStream::Fail(absl::Status status) {
  if (published_.load() & kFailed) return;
  status_ = std::move(status);
  published_.store(published_.load() | kFailed);
  published_.notify_all();
  if (request_.bell != nullptr) request_.bell->Ring();
}

}  // namespace layerd
