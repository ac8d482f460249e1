#ifndef LAYERD_LOADER_STORE_TILE_TABLE_H_
#define LAYERD_LOADER_STORE_TILE_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "loader/store/format.h"

namespace layerd {

// The tiles of one extent: they lie one after the other, in the file and in
// this table.
struct TileRange {
  size_t first;
  size_t count;
};

// How the stream is cut into tiles, and the checksum of each.
//
// An extent of n bytes has ceil(n / tile_bytes) tiles; all but its last have
// tile_bytes: its own number (tables) or that of the stream. Tiles are numbered
// through the whole stream.
//
// A TileTable that exists is valid: Parse() is the only door, and it lets in
// no stream that is unaligned, odd in size, or outside the file. Readers
// behind it may LAYERD_CHECK where Parse() returned an error.
//
// Units:     bytes; offsets from the start of the stream, as in Extent.
// Threading: immutable after Parse(); safe to share between threads.
class TileTable {
 public:
  TileTable() = default;  // Of no tiles.

  // Returns DATA_LOSS naming the first unsound field if `stream`, `extents`
  // and the sums in `raw` (little-endian, in stream order) cannot describe a
  // stream in a file of `file_bytes`. The extents must fill the stream: each
  // begins where the one before it ends.
  static absl::StatusOr<TileTable> Parse(const StreamLocation& stream,
                                         std::span<const Extent> extents,
                                         std::span<const std::byte> raw,
                                         uint64_t file_bytes);

  size_t tile_count() const { return crc32c_.size(); }
  size_t extent_count() const { return extent_begins_.size() - 1; }
  // No tile has more.
  uint64_t tile_bytes() const { return stream_.tile_bytes; }

  // REQUIRES: extent < extent_count().
  TileRange TilesOf(size_t extent) const;

  // REQUIRES, of all below: tile < tile_count().
  size_t ExtentOf(size_t tile) const;
  uint64_t offset_bytes(size_t tile) const;
  uint64_t stored_bytes(size_t tile) const;

  // DATA_LOSS naming the tile, its offset in the file and its extent if
  // `stored` are not its bytes. Allocates nothing when they are.
  // REQUIRES: stored.size() == stored_bytes(tile).
  absl::Status Verify(size_t tile, std::span<const std::byte> stored) const;

 private:
  // Where an extent begins, which is its first tile, and how long those are.
  struct ExtentBegin {
    uint64_t offset_bytes;
    uint64_t tile;
    uint64_t tile_bytes;
  };

  absl::Status PlaceExtents(std::span<const Extent> extents);

  StreamLocation stream_{};
  // The last one is where one more would begin.
  std::vector<ExtentBegin> extent_begins_ = {{0, 0, 0}};
  std::vector<uint32_t> crc32c_;
};

}  // namespace layerd

#endif  // LAYERD_LOADER_STORE_TILE_TABLE_H_
