#include "loader/store/layer_file_writer.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "absl/strings/str_format.h"
#include "config/check.h"
#include "config/status_macros.h"
#include "loader/store/atomic_file.h"
#include "loader/store/crc32c.h"
#include "loader/store/manifest_size.h"
#include "loader/store/page_buffer.h"
#include "loader/store/superblock.h"

namespace layerd {
namespace {

constexpr uint64_t kBufferBytes = 1 << 20;  // What one write is given.
static_assert(kBufferBytes >= kTileBytesMax);

// The extents of a manifest that our own packer made.
std::vector<Extent> ExtentsOf(const manifest::Manifest& manifest) {
  std::vector<Extent> extents;
  uint64_t end = 0;
  for (const manifest::Extent& extent : manifest.extents()) {
    LAYERD_CHECK(extent.offset_bytes() == end);
    LAYERD_CHECK(extent.stored_bytes() > 0 &&
                 extent.stored_bytes() % kPageBytes == 0);
    end += extent.stored_bytes();
    extents.push_back(
        {extent.offset_bytes(), extent.stored_bytes(), extent.tile_bytes()});
  }
  return extents;
}

uint64_t TilesOf(const std::vector<Extent>& extents, uint32_t tile_bytes) {
  uint64_t tiles = 0;
  for (const Extent& extent : extents) tiles += TileCount(extent, tile_bytes);
  return tiles;
}

absl::Status CheckAtMost(const std::string& path, const char* what,
                         uint64_t count, uint64_t count_max) {
  if (count <= count_max) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrFormat("%s: the model has %d %s, a layer file at most %d", path,
                      count, what, count_max));
}

// Should a map ever come into the manifest, its order must not change the
// bytes.
void Serialize(const manifest::Manifest& manifest, std::span<std::byte> into) {
  google::protobuf::io::ArrayOutputStream array(into.data(),
                                                static_cast<int>(into.size()));
  google::protobuf::io::CodedOutputStream output(&array);
  output.SetSerializationDeterministic(true);
  manifest.SerializeWithCachedSizes(&output);
  LAYERD_CHECK(!output.HadError());
}

// What was written must be readable: Protobuf writes names that are not UTF-8,
// and refuses to read them.
absl::Status CheckReadable(const std::string& path,
                           std::span<const std::byte> bytes) {
  if (const absl::Status fits = ManifestMemoryBytes(bytes).status();
      !fits.ok()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: %s: the model has too many parts; larger extents "
                        "make fewer (--extent-bytes-max)",
                        path, std::string(fits.message())));
  }
  manifest::Manifest manifest;
  if (manifest.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrFormat(
      "%s: a name in the model is not UTF-8; rename its nodes", path));
}

Superblock DescribeFile(const std::vector<Extent>& extents,
                        uint64_t manifest_bytes, uint32_t tile_bytes) {
  Superblock superblock = NewSuperblock();
  superblock.extent_count = static_cast<uint32_t>(extents.size());
  superblock.manifest_bytes = manifest_bytes;
  superblock.stream.tile_bytes = tile_bytes;
  superblock.stream.tile_count =
      static_cast<uint32_t>(TilesOf(extents, tile_bytes));
  for (const Extent& extent : extents) {
    superblock.stream.stored_bytes += extent.stored_bytes;
  }
  superblock.stream.offset_bytes = superblock.tile_table_offset_bytes() +
                                   RoundUpToPage(superblock.tile_table_bytes());
  return superblock;
}

}  // namespace

struct LayerFileWriter::Impl {
  Impl(AtomicFile file_taken, std::vector<Extent> extents_taken,
       const Superblock& described)
      : file(std::move(file_taken)),
        extents(std::move(extents_taken)),
        superblock(described),
        end_bytes(described.stream.offset_bytes) {
    tile_crc32c.reserve(described.stream.tile_count);
  }

  absl::Status AppendTile(std::span<const std::byte> used, size_t stored_bytes);
  absl::Status Append(std::span<const std::byte> bytes, bool is_last);
  absl::Status Flush();
  absl::Status Finish();

  AtomicFile file;
  const std::vector<Extent> extents;
  Superblock superblock;
  std::vector<uint32_t> tile_crc32c;
  size_t next_extent = 0;
  uint64_t extent_done_bytes = 0;  // Of the next one.
  PageBuffer buffer{kBufferBytes};
  size_t buffered_bytes = 0;
  uint64_t end_bytes;   // Of the file as far as it is written.
  absl::Status status;  // The first error is final.
};

absl::StatusOr<std::unique_ptr<LayerFileWriter>> LayerFileWriter::Create(
    const std::string& path, const manifest::Manifest& manifest,
    uint32_t tile_bytes) {
  LAYERD_CHECK(std::has_single_bit(tile_bytes) && tile_bytes >= kTileBytesMin &&
               tile_bytes <= kTileBytesMax);
  std::vector<Extent> extents = ExtentsOf(manifest);
  for (const Extent& extent : extents) {
    LAYERD_CHECK(extent.tile_bytes == 0 ||
                 (std::has_single_bit(extent.tile_bytes) &&
                  extent.tile_bytes >= kTileBytesMin &&
                  extent.tile_bytes <= tile_bytes));
  }
  const uint64_t manifest_bytes = manifest.ByteSizeLong();
  RETURN_IF_ERROR(CheckAtMost(path, "bytes of manifest", manifest_bytes,
                              kManifestBytesMax));
  RETURN_IF_ERROR(
      CheckAtMost(path, "extents", extents.size(), kExtentCountMax));
  RETURN_IF_ERROR(
      CheckAtMost(path, "tiles", TilesOf(extents, tile_bytes), kTileCountMax));

  PageBuffer stored(manifest_bytes);
  const auto used = stored.bytes().first(manifest_bytes);
  Serialize(manifest, used);
  RETURN_IF_ERROR(CheckReadable(path, used));
  Superblock superblock = DescribeFile(extents, manifest_bytes, tile_bytes);
  superblock.manifest_crc32c = Crc32c(stored.bytes());

  ASSIGN_OR_RETURN(AtomicFile file,
                   AtomicFile::Create(path, superblock.file_bytes()));
  RETURN_IF_ERROR(
      file.Write(superblock.manifest_offset_bytes(), stored.bytes()));
  return std::unique_ptr<LayerFileWriter>(new LayerFileWriter(
      std::make_unique<Impl>(std::move(file), std::move(extents), superblock)));
}

LayerFileWriter::LayerFileWriter(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}

LayerFileWriter::~LayerFileWriter() = default;

absl::Status LayerFileWriter::AppendPiece(std::span<const std::byte> bytes,
                                          bool is_last) {
  LAYERD_CHECK(impl_->next_extent < impl_->extents.size());
  LAYERD_CHECK(bytes.size() <= impl_->extents[impl_->next_extent].stored_bytes -
                                   impl_->extent_done_bytes);
  if (impl_->status.ok()) impl_->status = impl_->Append(bytes, is_last);
  impl_->extent_done_bytes += bytes.size();
  if (is_last) {
    ++impl_->next_extent;
    impl_->extent_done_bytes = 0;
  }
  return impl_->status;
}

absl::Status LayerFileWriter::Commit() {
  LAYERD_CHECK(impl_->next_extent == impl_->extents.size());
  if (impl_->status.ok()) impl_->status = impl_->Finish();
  return impl_->status;
}

absl::Status LayerFileWriter::Impl::Append(std::span<const std::byte> bytes,
                                           bool is_last) {
  const Extent& extent = extents[next_extent];
  const uint64_t tile_bytes = TileBytesOf(extent, superblock.stream.tile_bytes);
  LAYERD_CHECK(is_last || bytes.size() % tile_bytes == 0);
  uint64_t left_bytes =
      is_last ? extent.stored_bytes - extent_done_bytes : bytes.size();
  while (left_bytes > 0) {
    const uint64_t stored_bytes = std::min(tile_bytes, left_bytes);
    const auto used = bytes.first(std::min(bytes.size(), stored_bytes));
    RETURN_IF_ERROR(AppendTile(used, stored_bytes));
    bytes = bytes.subspan(used.size());
    left_bytes -= stored_bytes;
  }
  return absl::OkStatus();
}

absl::Status LayerFileWriter::Impl::AppendTile(std::span<const std::byte> used,
                                               size_t stored_bytes) {
  if (buffered_bytes + stored_bytes > kBufferBytes) RETURN_IF_ERROR(Flush());
  const auto tile = buffer.bytes().subspan(buffered_bytes, stored_bytes);
  std::ranges::copy(used, tile.begin());
  std::ranges::fill(tile.subspan(used.size()), std::byte{0});
  tile_crc32c.push_back(Crc32c(tile));
  buffered_bytes += stored_bytes;
  return absl::OkStatus();
}

absl::Status LayerFileWriter::Impl::Flush() {
  RETURN_IF_ERROR(file.Write(end_bytes, buffer.bytes().first(buffered_bytes)));
  end_bytes += buffered_bytes;
  buffered_bytes = 0;
  return absl::OkStatus();
}

absl::Status LayerFileWriter::Impl::Finish() {
  RETURN_IF_ERROR(Flush());
  LAYERD_CHECK(end_bytes == superblock.file_bytes());
  PageBuffer table(superblock.tile_table_bytes());
  std::ranges::copy(std::as_bytes(std::span(tile_crc32c)),
                    table.bytes().begin());
  RETURN_IF_ERROR(
      file.Write(superblock.tile_table_offset_bytes(), table.bytes()));
  superblock.tile_table_crc32c = Crc32c(table.bytes());
  superblock.crc32c = SuperblockCrc32c(superblock);
  RETURN_IF_ERROR(file.Write(0, std::as_bytes(std::span(&superblock, 1))));
  return file.Commit();
}

}  // namespace layerd
