#ifndef LAYERD_LOADER_STORE_SUPERBLOCK_H_
#define LAYERD_LOADER_STORE_SUPERBLOCK_H_

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "loader/store/format.h"

namespace layerd {

// The first page of a layer file: says what it is, how long its regions are,
// and what their checksums must be. Manifest and tile table follow it, each
// padded with zeros to whole pages; then comes the stream, to the end.
//
// Magic, version and crc32c keep their places in every version of the format,
// so that a newer file can be told from a damaged one.
//
// Units: bytes; numbers are little-endian, as on every machine we run on.
struct Superblock {
  std::array<char, 8> magic;
  uint32_t version;
  uint32_t extent_count;
  StreamLocation stream;
  uint64_t manifest_bytes;   // Without padding.
  uint32_t manifest_crc32c;  // Padding included, like:
  uint32_t tile_table_crc32c;
  std::array<std::byte, 4036> zeros;
  uint32_t crc32c;  // Of all bytes before it.

  uint64_t manifest_offset_bytes() const { return kPageBytes; }
  uint64_t tile_table_offset_bytes() const {
    return kPageBytes + RoundUpToPage(manifest_bytes);
  }
  uint64_t tile_table_bytes() const {  // Without padding.
    return uint64_t{stream.tile_count} * sizeof(uint32_t);
  }
  uint64_t file_bytes() const {
    return stream.offset_bytes + stream.stored_bytes;
  }
};
static_assert(sizeof(Superblock) == kPageBytes);
static_assert(std::is_trivially_copyable_v<Superblock>);
static_assert(std::endian::native == std::endian::little);

// A superblock of this version, without sizes and checksums.
Superblock NewSuperblock();

// Its own checksum, which goes into `crc32c`.
uint32_t SuperblockCrc32c(const Superblock& superblock);

// Names what is in the file: of its own checksums those of the manifest and of
// the tile table, which has those of all weights.
std::string DigestOf(const Superblock& superblock);

// Reads the first bytes of a file of `file_bytes`; `head` is its first page, or
// all of a shorter file. What comes back is of this version, and its regions
// fill the file exactly.
//
// Errors: INVALID_ARGUMENT for a foreign file, FAILED_PRECONDITION for a newer
//         version, DATA_LOSS for damage, truncation and unsound sizes.
absl::StatusOr<Superblock> ParseSuperblock(std::span<const std::byte> head,
                                           uint64_t file_bytes);

}  // namespace layerd

#endif  // LAYERD_LOADER_STORE_SUPERBLOCK_H_
