#ifndef LAYERD_LOADER_STORE_FORMAT_H_
#define LAYERD_LOADER_STORE_FORMAT_H_

#include <cstdint>

namespace layerd {

// The bytes of a layer file; README.md beside this file has the picture.

inline constexpr uint32_t kFormatVersion = 1;
inline constexpr uint64_t kPageBytes = 4096;  // As O_DIRECT asks.
inline constexpr uint64_t kTileBytesMin = 4 << 10;
inline constexpr uint64_t kTileBytesMax = 256 << 10;

// What a reader takes from a file that it has not understood yet. A tile table
// of this many sums is as large as the largest manifest.
inline constexpr uint64_t kManifestBytesMax = 64 << 20;
inline constexpr uint64_t kExtentCountMax = 1 << 20;
inline constexpr uint64_t kTileCountMax = 16 << 20;
inline constexpr uint64_t kFileBytesMax = uint64_t{1} << 46;
static_assert(kExtentCountMax <= kTileCountMax);
static_assert(kTileCountMax * kTileBytesMax < kFileBytesMax);

constexpr uint64_t RoundUpToPage(uint64_t bytes) {
  return (bytes + kPageBytes - 1) & ~(kPageBytes - 1);
}

// Tiles of a table: a row is looked up with the pages it lies in and no more.
inline constexpr uint32_t kTableTileBytes = kTileBytesMin;

// Where the weights that a part computes with lie. In the manifest.
struct Extent {
  uint64_t offset_bytes;    // From the start of the stream; multiple of 4 KiB.
  uint64_t stored_bytes;    // Multiple of 4 KiB, zero-padded, never zero.
  uint32_t tile_bytes = 0;  // Smaller than the stream's; 0: the stream's.
  friend bool operator==(const Extent&, const Extent&) = default;
};

// Where the extents of one model lie, and how finely they are checked. In the
// superblock.
struct StreamLocation {
  uint64_t offset_bytes;  // From the start of the file; multiple of 4 KiB.
  uint64_t stored_bytes;  // Of all extents; zero for a model without weights.
  uint32_t tile_bytes;    // Power of two, 4 KiB to 256 KiB; see Extent.
  uint32_t tile_count;    // Of all extents; each ends with a tile of its own.
};
static_assert(sizeof(StreamLocation) == 24);

constexpr uint64_t TileBytesOf(const Extent& extent,
                               uint64_t stream_tile_bytes) {
  return extent.tile_bytes != 0 ? extent.tile_bytes : stream_tile_bytes;
}

// All tiles of an extent have the same size, but for the last one, which is
// shorter where it must be.
constexpr uint64_t TileCount(const Extent& extent, uint64_t stream_tile_bytes) {
  const uint64_t tile_bytes = TileBytesOf(extent, stream_tile_bytes);
  return (extent.stored_bytes + tile_bytes - 1) / tile_bytes;
}

}  // namespace layerd

#endif  // LAYERD_LOADER_STORE_FORMAT_H_
