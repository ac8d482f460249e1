#include "loader/store/layer_file_reader.h"

#include <google/protobuf/io/coded_stream.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "config/check.h"
#include "config/status_macros.h"
#include "loader/store/crc32c.h"
#include "loader/store/manifest_size.h"
#include "loader/store/page_buffer.h"

namespace layerd {
namespace {

// Messages of our manifest nest five deep.
constexpr int kManifestDepthMax = 10;

absl::Status CheckRegion(const char* region, uint64_t offset_bytes,
                         std::span<const std::byte> stored, uint64_t used_bytes,
                         uint32_t expected) {
  const uint32_t actual = Crc32c(stored);
  if (actual != expected) {
    return absl::DataLossError(
        absl::StrFormat("%s at offset %d: crc32c is %08x, expected %08x",
                        region, offset_bytes, actual, expected));
  }
  if (std::ranges::any_of(stored.subspan(used_bytes),
                          [](std::byte b) { return b != std::byte{0}; })) {
    return absl::DataLossError(absl::StrFormat(
        "%s at offset %d: its padding is not zero", region, offset_bytes));
  }
  return absl::OkStatus();
}

// One region between superblock and stream, checked.
absl::StatusOr<PageBuffer> ReadRegion(const DirectFile& file,
                                      const char* region, uint64_t offset_bytes,
                                      uint64_t used_bytes, uint32_t expected) {
  PageBuffer buffer(used_bytes);
  if (!buffer.bytes().empty()) {
    RETURN_IF_ERROR(file.Read(offset_bytes, buffer.bytes()));
  }
  RETURN_IF_ERROR(
      CheckRegion(region, offset_bytes, buffer.bytes(), used_bytes, expected));
  return buffer;
}

absl::Status WithPath(const std::string& path, const absl::Status& status) {
  return absl::Status(
      status.code(),
      absl::StrFormat("%s: %s", path, std::string(status.message())));
}

bool ParseManifest(std::span<const std::byte> bytes,
                   manifest::Manifest* manifest) {
  google::protobuf::io::CodedInputStream input(
      reinterpret_cast<const uint8_t*>(bytes.data()),
      static_cast<int>(bytes.size()));
  input.SetRecursionLimit(kManifestDepthMax);
  return manifest->ParseFromCodedStream(&input) &&
         input.ConsumedEntireMessage();
}

}  // namespace

absl::StatusOr<std::unique_ptr<LayerFileReader>> LayerFileReader::Open(
    const std::string& path) {
  auto reader = std::unique_ptr<LayerFileReader>(new LayerFileReader());
  reader->path_ = path;
  if (absl::Status status = reader->ReadAll(); !status.ok()) {
    return WithPath(path, status);
  }
  return reader;
}

absl::Status LayerFileReader::ReadAll() {
  ASSIGN_OR_RETURN(file_, DirectFile::Open(path_));
  ASSIGN_OR_RETURN(const Superblock superblock, ReadSuperblock());
  stream_ = superblock.stream;
  digest_ = DigestOf(superblock);
  RETURN_IF_ERROR(ReadManifest(superblock));
  return ReadTileTable(superblock);
}

absl::StatusOr<Superblock> LayerFileReader::ReadSuperblock() {
  PageBuffer head(kPageBytes);
  const uint64_t head_bytes = std::min(file_bytes(), kPageBytes);
  if (head_bytes > 0) RETURN_IF_ERROR(file_.Read(0, head.bytes()));
  return ParseSuperblock(head.bytes().first(head_bytes), file_bytes());
}

absl::Status LayerFileReader::ReadManifest(const Superblock& superblock) {
  ASSIGN_OR_RETURN(
      const PageBuffer stored,
      ReadRegion(file_, "manifest", superblock.manifest_offset_bytes(),
                 superblock.manifest_bytes, superblock.manifest_crc32c));
  const auto bytes = stored.bytes().first(superblock.manifest_bytes);
  ASSIGN_OR_RETURN(manifest_memory_bytes_, ManifestMemoryBytes(bytes));
  // And as they lie in the file.
  manifest_memory_bytes_ += stored.bytes().size();
  if (!ParseManifest(bytes, &manifest_)) {
    return absl::DataLossError("manifest: its bytes are no manifest");
  }
  if (static_cast<uint64_t>(manifest_.extents_size()) !=
      superblock.extent_count) {
    return absl::DataLossError(
        absl::StrFormat("manifest: it lists %d extents, the superblock %d",
                        manifest_.extents_size(), superblock.extent_count));
  }
  extents_.reserve(superblock.extent_count);
  for (const manifest::Extent& extent : manifest_.extents()) {
    extents_.push_back(
        {extent.offset_bytes(), extent.stored_bytes(), extent.tile_bytes()});
  }
  return absl::OkStatus();
}

absl::Status LayerFileReader::ReadTileTable(const Superblock& superblock) {
  ASSIGN_OR_RETURN(
      const PageBuffer stored,
      ReadRegion(file_, "tile table", superblock.tile_table_offset_bytes(),
                 superblock.tile_table_bytes(), superblock.tile_table_crc32c));
  ASSIGN_OR_RETURN(
      tiles_,
      TileTable::Parse(stream_, extents_,
                       stored.bytes().first(superblock.tile_table_bytes()),
                       file_bytes()));
  return absl::OkStatus();
}

absl::Status LayerFileReader::ReadStream(uint64_t offset_bytes,
                                         std::span<std::byte> into) const {
  LAYERD_CHECK(offset_bytes <= stream_.stored_bytes &&
               into.size() <= stream_.stored_bytes - offset_bytes);
  if (into.empty()) return absl::OkStatus();
  absl::Status status = file_.Read(stream_.offset_bytes + offset_bytes, into);
  return status.ok() ? status : WithPath(path_, status);
}

}  // namespace layerd
