#include "loader/store/forged_file.h"

#include <algorithm>

#include "loader/store/crc32c.h"

namespace layerd {
namespace {

// More tiles than this are not forged: a hostile extent can ask for 2^52.
constexpr uint64_t kForgedTileCountMax = 4096;

uint32_t Crc32cOf(const std::string& bytes) {
  return Crc32c(std::as_bytes(std::span(bytes)));
}

std::string Padded(std::string bytes, char padding) {
  bytes.resize(RoundUpToPage(bytes.size()), padding);
  return bytes;
}

void AppendTiles(uint64_t stored_bytes, uint32_t tile_bytes,
                 std::vector<uint32_t>* tile_crc32c) {
  const uint32_t whole = Crc32cOf(std::string(tile_bytes, '\0'));
  while (stored_bytes > 0 && tile_crc32c->size() < kForgedTileCountMax) {
    const uint64_t bytes = std::min<uint64_t>(stored_bytes, tile_bytes);
    tile_crc32c->push_back(
        bytes == tile_bytes ? whole : Crc32cOf(std::string(bytes, '\0')));
    stored_bytes -= bytes;
  }
}

}  // namespace

ForgedFile ForgedFile::Of(const manifest::Manifest& manifest,
                          uint32_t tile_bytes) {
  ForgedFile file;
  file.superblock = NewSuperblock();
  file.manifest = manifest.SerializeAsString();
  StreamLocation& stream = file.superblock.stream;
  for (const manifest::Extent& extent : manifest.extents()) {
    stream.stored_bytes += extent.stored_bytes();
    const uint32_t own = extent.tile_bytes();
    AppendTiles(extent.stored_bytes(), own != 0 ? own : tile_bytes,
                &file.tile_crc32c);
  }
  stream.tile_bytes = tile_bytes;
  stream.tile_count = static_cast<uint32_t>(file.tile_crc32c.size());
  file.superblock.extent_count = manifest.extents_size();
  file.superblock.manifest_bytes = file.manifest.size();
  stream.offset_bytes = file.superblock.tile_table_offset_bytes() +
                        RoundUpToPage(file.superblock.tile_table_bytes());
  return file;
}

std::string ForgedFile::Head() const {
  const std::string stored_manifest = Padded(manifest, padding);
  const std::string stored_table =
      Padded(std::string(reinterpret_cast<const char*>(tile_crc32c.data()),
                         tile_crc32c.size() * sizeof(uint32_t)),
             padding);
  Superblock sealed = superblock;
  sealed.manifest_crc32c = Crc32cOf(stored_manifest);
  sealed.tile_table_crc32c = Crc32cOf(stored_table);
  sealed.crc32c = SuperblockCrc32c(sealed);
  return std::string(reinterpret_cast<const char*>(&sealed), sizeof(sealed)) +
         stored_manifest + stored_table;
}

std::string ForgedFile::Bytes() const {
  return Head() + std::string(superblock.stream.stored_bytes, '\0');
}

}  // namespace layerd
