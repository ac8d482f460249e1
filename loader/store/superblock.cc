#include "loader/store/superblock.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "loader/store/crc32c.h"

namespace layerd {
namespace {

// The line end is one that a text-mode copy would change.
constexpr std::array<char, 8> kMagic = {'l', 'a', 'y',  'e',
                                        'r', 'd', '\r', '\n'};

absl::Status Foreign() {
  return absl::InvalidArgumentError(
      "this is no layer file: it does not begin with \"layerd\"; make one "
      "with `layerctl pack`");
}

absl::Status CheckShortFile(std::span<const std::byte> head) {
  if (head.empty()) {
    return absl::DataLossError("the file is empty; pack the model again");
  }
  const size_t magic_bytes = std::min(head.size(), kMagic.size());
  if (std::memcmp(head.data(), kMagic.data(), magic_bytes) != 0) {
    return Foreign();
  }
  return absl::DataLossError(absl::StrFormat(
      "truncated: %d bytes are there, less than the superblock of %d; copy "
      "the file or pack the model again",
      head.size(), kPageBytes));
}

// A foreign file has neither our magic nor, by any likely chance, our
// checksum; one of ours whose magic is damaged has the checksum still.
absl::Status CheckIdentity(const Superblock& superblock) {
  Superblock repaired = superblock;
  repaired.magic = kMagic;
  const uint32_t actual = SuperblockCrc32c(repaired);
  const bool is_named = superblock.magic == kMagic;
  if (actual == superblock.crc32c) {
    return is_named ? absl::OkStatus()
                    : absl::DataLossError("superblock: its magic is damaged");
  }
  if (!is_named) return Foreign();
  return absl::DataLossError(
      absl::StrFormat("superblock at offset 0: crc32c is %08x, expected %08x",
                      actual, superblock.crc32c));
}

absl::Status CheckVersion(uint32_t version) {
  if (version == kFormatVersion) return absl::OkStatus();
  if (version > kFormatVersion) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "format version %d is newer than this layerd, which reads version %d; "
        "update layerd or pack the model again",
        version, kFormatVersion));
  }
  return absl::DataLossError(
      absl::StrFormat("superblock: there is no format version %d", version));
}

absl::Status CheckAtMost(const char* what, uint64_t count, uint64_t count_max) {
  if (count <= count_max) return absl::OkStatus();
  return absl::DataLossError(absl::StrFormat(
      "superblock: %d %s, more than the %d allowed", count, what, count_max));
}

absl::Status CheckSizes(const Superblock& superblock, uint64_t file_bytes) {
  const StreamLocation& stream = superblock.stream;
  RETURN_IF_ERROR(CheckAtMost("bytes of manifest", superblock.manifest_bytes,
                              kManifestBytesMax));
  RETURN_IF_ERROR(
      CheckAtMost("extents", superblock.extent_count, kExtentCountMax));
  RETURN_IF_ERROR(CheckAtMost("tiles", stream.tile_count, kTileCountMax));
  RETURN_IF_ERROR(
      CheckAtMost("bytes of stream", stream.stored_bytes, kFileBytesMax));

  const uint64_t header_bytes = superblock.tile_table_offset_bytes() +
                                RoundUpToPage(superblock.tile_table_bytes());
  if (stream.offset_bytes != header_bytes) {
    return absl::DataLossError(absl::StrFormat(
        "superblock: the stream begins at offset %d, but the tile table ends "
        "at %d",
        stream.offset_bytes, header_bytes));
  }
  const uint64_t expected_bytes = header_bytes + stream.stored_bytes;
  if (file_bytes < expected_bytes) {
    return absl::DataLossError(absl::StrFormat(
        "truncated: %d of %d bytes are there; copy the file or pack the model "
        "again",
        file_bytes, expected_bytes));
  }
  if (file_bytes > expected_bytes) {
    return absl::DataLossError(
        absl::StrFormat("%d bytes follow the stream, which ends at offset %d",
                        file_bytes - expected_bytes, expected_bytes));
  }
  return absl::OkStatus();
}

}  // namespace

Superblock NewSuperblock() {
  Superblock superblock{};
  superblock.magic = kMagic;
  superblock.version = kFormatVersion;
  return superblock;
}

uint32_t SuperblockCrc32c(const Superblock& superblock) {
  return Crc32c(std::as_bytes(std::span(&superblock, 1))
                    .first(offsetof(Superblock, crc32c)));
}

std::string DigestOf(const Superblock& superblock) {
  return absl::StrFormat("%08x%08x", superblock.manifest_crc32c,
                         superblock.tile_table_crc32c);
}

absl::StatusOr<Superblock> ParseSuperblock(std::span<const std::byte> head,
                                           uint64_t file_bytes) {
  if (head.size() < kPageBytes) return CheckShortFile(head);
  Superblock superblock;
  std::memcpy(&superblock, head.data(), sizeof(superblock));
  RETURN_IF_ERROR(CheckIdentity(superblock));
  RETURN_IF_ERROR(CheckVersion(superblock.version));
  if (std::ranges::any_of(superblock.zeros,
                          [](std::byte b) { return b != std::byte{0}; })) {
    return absl::DataLossError("superblock: its unused bytes are not zero");
  }
  RETURN_IF_ERROR(CheckSizes(superblock, file_bytes));
  return superblock;
}

}  // namespace layerd
