#include "daemon/exec/table_lookup.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_format.h"
#include "config/check.h"
#include "config/status_macros.h"
#include "daemon/plan/table.h"
#include "kernels/cast.h"

namespace layerd {
namespace {

// The i-th index, counted in row-major order, as it was written.
int64_t IndexAt(const TensorType& type, const std::byte* x, int64_t i) {
  int64_t position = 0;
  for (size_t d = type.shape.size(); d-- > 0;) {
    position += i % type.shape[d] * type.strides[d];
    i /= type.shape[d];
  }
  if (type.dtype == DataType::kI64) {
    int64_t index = 0;
    std::memcpy(&index, x + position * sizeof(index), sizeof(index));
    return index;
  }
  int32_t index = 0;
  std::memcpy(&index, x + position * sizeof(index), sizeof(index));
  return index;
}

absl::Status NoSuchRow(const PlacedLookup& lookup, int64_t index, int64_t i) {
  return absl::InvalidArgumentError(absl::StrFormat(
      "index %d at place %d is in no row of the table, which has %d: give 0 to "
      "%d",
      index, i, lookup.table.rows, lookup.table.rows - 1));
}

// A row may lie in several tiles, and these anywhere; an element lies in one.
void CopyRow(const PlacedLookup& lookup, int64_t row, std::byte* to) {
  const Table& table = lookup.table;
  const CastRow cast = CastRowFor(lookup.from, lookup.to);
  uint64_t at = table.offset_bytes + row * table.row_bytes;
  const uint64_t end = at + table.row_bytes;
  while (at < end) {
    const uint64_t tile = at / table.tile_bytes;
    const uint64_t first = at - tile * table.tile_bytes;
    const uint64_t bytes = std::min(end - at, table.tile_bytes - first);
    const auto from = lookup.cache->bytes(static_cast<uint32_t>(tile));
    const int64_t count = bytes / SizeOf(lookup.from);
    cast(from.data() + first, 1, to, 1, count);
    to += count * SizeOf(lookup.to);
    at += bytes;
  }
}

}  // namespace

TableLookup::TableLookup(const Options& options, Backend* backend,
                         Loader* loader, const Clock* clock)
    : options_(options),
      backend_(backend),
      loader_(loader),
      clock_(clock),
      reads_max_(std::max(kTableReadsOfTurn, options.row_tiles_max)),
      stream_(reads_max_) {
  reads_.reserve(reads_max_);
}

absl::Status TableLookup::Begin(PlacedModel* model, size_t part, bool low) {
  LAYERD_CHECK(idle());
  const PlacedLookup& lookup = model->lookup(part);
  memory_ = model->MemoryOf(part, nullptr);
  count_ = lookup.indices->element_count();
  auto* const indices = const_cast<std::byte*>(memory_.inputs[0]);
  RETURN_IF_ERROR(backend_->CopyOut(
      {indices, static_cast<size_t>(lookup.indices->span_bytes())}, indices));
  for (int64_t i = 0; i < count_; ++i) {
    const int64_t index = IndexAt(*lookup.indices, memory_.inputs[0], i);
    if (index < -lookup.table.rows || index >= lookup.table.rows) {
      return NoSuchRow(lookup, index, i);
    }
  }
  lookup_ = &lookup;
  low_ = low;
  file_ = &model->model().file();
  done_ = 0;
  BeginTurn();
  return absl::OkStatus();
}

absl::StatusOr<bool> TableLookup::Advance() {
  LAYERD_CHECK(!idle());
  while (TurnHasArrived()) {
    RETURN_IF_ERROR(EndTurn());
    if (done_ == count_) return true;
    BeginTurn();
  }
  return false;
}

void TableLookup::WaitForTurn() {
  if (reading_) stream_.Wait(reads_.size() - 1).IgnoreError();
}

absl::Status TableLookup::Publish() {
  LAYERD_CHECK(!idle() && done_ == count_);
  std::byte* const rows = memory_.outputs[0];
  return backend_->CopyIn(rows, {rows, count_ * OutputRowBytes()});
}

void TableLookup::End() {
  if (reading_) StopReading();
  lookup_ = nullptr;
}

bool TableLookup::MayEnd() {
  if (!reading_) return true;
  loader_->AskToStop(&stream_);
  return loader_->MayStop(stream_);
}

void TableLookup::BeginTurn() {
  lookup_->cache->BeginTurn();
  reads_.clear();
  turn_end_ = done_;
  while (turn_end_ < count_ && Ask(RowAt(turn_end_))) ++turn_end_;
  LAYERD_CHECK(turn_end_ > done_, "the plan gave a table less than a row");
  if (reads_.empty()) return;
  asked_ = clock_->now();
  reading_ = true;
  loader_->Start(&stream_, {.file = file_,
                            .reads = reads_,
                            .level = options_.level,
                            .low = low_,
                            .bell = options_.bell,
                            .lookup = true});
}

// False if the cache has no place left, or the turn is long enough.
bool TableLookup::Ask(int64_t row) {
  const Table& table = lookup_->table;
  const auto last = static_cast<uint32_t>(table.LastTileOf(row));
  for (auto tile = static_cast<uint32_t>(table.FirstTileOf(row)); tile <= last;
       ++tile) {
    if (reads_.size() == reads_max_) return false;
    const auto place = lookup_->cache->Take(tile);
    if (!place) return false;
    if (!place->missing) continue;
    reads_.push_back(
        {.extent = table.extent, .resident = place->bytes, .tile = tile});
  }
  return true;
}

bool TableLookup::TurnHasArrived() const {
  return !reading_ || stream_.Arrived(reads_.size() - 1);
}

absl::Status TableLookup::EndTurn() {
  for (size_t i = 0; reading_ && i < reads_.size(); ++i) {
    RETURN_IF_ERROR(stream_.Wait(i).status());
    lookup_->cache->Arrived(*reads_[i].tile);
  }
  if (reading_) StopReading();
  const uint64_t to_bytes = OutputRowBytes();
  for (; done_ < turn_end_; ++done_) {
    CopyRow(*lookup_, RowAt(done_), memory_.outputs[0] + done_ * to_bytes);
  }
  return absl::OkStatus();
}

uint64_t TableLookup::OutputRowBytes() const {
  return lookup_->table.row_bytes / SizeOf(lookup_->from) * SizeOf(lookup_->to);
}

void TableLookup::StopReading() {
  loader_->Stop(&stream_);
  reading_ = false;
  stats_.load_wait += clock_->now() - asked_;
  stats_.read_bytes += stream_.read_bytes();
  stats_.tiles_read += reads_.size();
}

int64_t TableLookup::RowAt(int64_t i) const {
  const int64_t index = IndexAt(*lookup_->indices, memory_.inputs[0], i);
  return index < 0 ? index + lookup_->table.rows : index;
}

}  // namespace layerd
