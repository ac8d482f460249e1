#include "loader/store/tile_table.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "absl/strings/str_format.h"
#include "config/check.h"
#include "config/status_macros.h"
#include "loader/store/crc32c.h"

namespace layerd {
namespace {

bool IsOnPage(uint64_t bytes) { return bytes % kPageBytes == 0; }

absl::Status CheckTileBytes(uint32_t tile_bytes) {
  if (std::has_single_bit(tile_bytes) && tile_bytes >= kTileBytesMin &&
      tile_bytes <= kTileBytesMax) {
    return absl::OkStatus();
  }
  return absl::DataLossError(absl::StrFormat(
      "stream: its tiles of %d bytes are no power of two from %d to %d",
      tile_bytes, kTileBytesMin, kTileBytesMax));
}

absl::Status CheckStream(const StreamLocation& stream, uint64_t file_bytes) {
  RETURN_IF_ERROR(CheckTileBytes(stream.tile_bytes));
  if (!IsOnPage(stream.offset_bytes)) {
    return absl::DataLossError(absl::StrFormat(
        "stream: its offset %d is not 4 KiB-aligned", stream.offset_bytes));
  }
  if (!IsOnPage(stream.stored_bytes)) {
    return absl::DataLossError(absl::StrFormat(
        "stream: its %d bytes are no multiple of 4 KiB", stream.stored_bytes));
  }
  // Written as a subtraction so that a hostile offset cannot overflow.
  if (stream.offset_bytes > file_bytes ||
      stream.stored_bytes > file_bytes - stream.offset_bytes) {
    return absl::DataLossError(
        absl::StrFormat("stream: [%d, +%d) ends past the file of %d bytes",
                        stream.offset_bytes, stream.stored_bytes, file_bytes));
  }
  return absl::OkStatus();
}

absl::Status CheckTileBytes(size_t index, const Extent& extent,
                            uint32_t stream_tile_bytes) {
  const uint32_t own = extent.tile_bytes;
  if (own == 0 || (std::has_single_bit(own) && own >= kTileBytesMin &&
                   own <= stream_tile_bytes)) {
    return absl::OkStatus();
  }
  return absl::DataLossError(absl::StrFormat(
      "extent %d: its tiles of %d bytes are no power of two from %d to the "
      "stream's %d",
      index, own, kTileBytesMin, stream_tile_bytes));
}

// `begin` is where the extent before it ends.
absl::Status CheckExtent(size_t index, const Extent& extent, uint64_t begin,
                         uint64_t stream_bytes) {
  if (extent.stored_bytes == 0 || !IsOnPage(extent.stored_bytes)) {
    return absl::DataLossError(absl::StrFormat(
        "extent %d: its %d bytes are no positive multiple of 4 KiB", index,
        extent.stored_bytes));
  }
  if (!IsOnPage(extent.offset_bytes)) {
    return absl::DataLossError(
        absl::StrFormat("extent %d: its offset %d is not 4 KiB-aligned", index,
                        extent.offset_bytes));
  }
  if (extent.offset_bytes != begin) {
    return absl::DataLossError(absl::StrFormat(
        "extent %d: it begins at offset %d of the stream, %s the end of the "
        "one before it, %d",
        index, extent.offset_bytes,
        extent.offset_bytes < begin ? "before" : "past", begin));
  }
  if (extent.stored_bytes > stream_bytes - begin) {
    return absl::DataLossError(absl::StrFormat(
        "extent %d: [%d, +%d) ends past the stream of %d bytes", index,
        extent.offset_bytes, extent.stored_bytes, stream_bytes));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TileTable> TileTable::Parse(const StreamLocation& stream,
                                           std::span<const Extent> extents,
                                           std::span<const std::byte> raw,
                                           uint64_t file_bytes) {
  RETURN_IF_ERROR(CheckStream(stream, file_bytes));
  TileTable table;
  table.stream_ = stream;
  RETURN_IF_ERROR(table.PlaceExtents(extents));
  if (raw.size() != uint64_t{stream.tile_count} * sizeof(uint32_t)) {
    return absl::DataLossError(absl::StrFormat(
        "stream: its tile table has %d bytes, not 4 for each of %d tiles",
        raw.size(), stream.tile_count));
  }
  table.crc32c_.resize(stream.tile_count);
  if (!raw.empty()) {
    std::memcpy(table.crc32c_.data(), raw.data(), raw.size());
  }
  return table;
}

absl::Status TileTable::PlaceExtents(std::span<const Extent> extents) {
  extent_begins_.reserve(extents.size() + 1);
  ExtentBegin end{0, 0, 0};
  for (size_t i = 0; i < extents.size(); ++i) {
    RETURN_IF_ERROR(
        CheckExtent(i, extents[i], end.offset_bytes, stream_.stored_bytes));
    RETURN_IF_ERROR(CheckTileBytes(i, extents[i], stream_.tile_bytes));
    extent_begins_[i].tile_bytes = TileBytesOf(extents[i], stream_.tile_bytes);
    end.offset_bytes += extents[i].stored_bytes;
    end.tile += TileCount(extents[i], stream_.tile_bytes);
    extent_begins_.push_back(end);
  }
  if (end.offset_bytes != stream_.stored_bytes) {
    return absl::DataLossError(absl::StrFormat(
        "stream: it has %d bytes, but its %d extents have %d",
        stream_.stored_bytes, extents.size(), end.offset_bytes));
  }
  if (end.tile != stream_.tile_count) {
    return absl::DataLossError(
        absl::StrFormat("stream: it has %d tiles, but its %d extents have %d",
                        stream_.tile_count, extents.size(), end.tile));
  }
  return absl::OkStatus();
}

TileRange TileTable::TilesOf(size_t extent) const {
  LAYERD_CHECK(extent < extent_count());
  const size_t first = extent_begins_[extent].tile;
  return {first, extent_begins_[extent + 1].tile - first};
}

size_t TileTable::ExtentOf(size_t tile) const {
  LAYERD_CHECK(tile < tile_count());
  const auto after =
      std::ranges::upper_bound(extent_begins_, tile, {}, &ExtentBegin::tile);
  return after - extent_begins_.begin() - 1;
}

uint64_t TileTable::offset_bytes(size_t tile) const {
  const ExtentBegin& begin = extent_begins_[ExtentOf(tile)];
  return begin.offset_bytes + (tile - begin.tile) * begin.tile_bytes;
}

uint64_t TileTable::stored_bytes(size_t tile) const {
  const size_t extent = ExtentOf(tile);
  const ExtentBegin& begin = extent_begins_[extent];
  const uint64_t before = (tile - begin.tile) * begin.tile_bytes;
  const uint64_t all =
      extent_begins_[extent + 1].offset_bytes - begin.offset_bytes;
  return std::min(begin.tile_bytes, all - before);
}

absl::Status TileTable::Verify(size_t tile,
                               std::span<const std::byte> stored) const {
  LAYERD_CHECK(stored.size() == stored_bytes(tile));
  const uint32_t actual = Crc32c(stored);
  if (actual == crc32c_[tile]) return absl::OkStatus();
  return absl::DataLossError(absl::StrFormat(
      "tile %d at offset %d of the file (extent %d): crc32c is %08x, expected "
      "%08x",
      tile, stream_.offset_bytes + offset_bytes(tile), ExtentOf(tile), actual,
      crc32c_[tile]));
}

}  // namespace layerd
