#include <algorithm>

#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "loader/store/layer_file_reader.h"
#include "loader/store/page_buffer.h"

namespace layerd {
namespace {

constexpr uint64_t kChunkBytes = 2 << 20;  // What one read is given.
static_assert(kChunkBytes >= kTileBytesMax);

bool Uses(const manifest::Manifest& manifest, const manifest::Part& part,
          size_t extent) {
  if (part.has_table() && part.table() == extent) return true;
  return part.has_read() &&
         part.read() < static_cast<uint32_t>(manifest.reads_size()) &&
         manifest.reads(part.read()) == extent;
}

// The layer whose part needs `extent` first, or nothing if the manifest, which
// nobody has understood yet, does not say.
std::string LayerOfExtent(const manifest::Manifest& manifest, size_t extent) {
  for (const manifest::Part& part : manifest.parts()) {
    if (!Uses(manifest, part, extent)) continue;
    if (part.layer() >= static_cast<uint32_t>(manifest.layers_size())) break;
    return manifest.layers(part.layer()).name();
  }
  return "";
}

// Some tiles in a row, at most kChunkBytes of them.
struct Chunk {
  size_t tile_first;
  size_t tile_end;
  uint64_t stored_bytes;
};

Chunk NextChunk(const TileTable& tiles, size_t tile_first) {
  Chunk chunk{tile_first, tile_first, 0};
  while (chunk.tile_end < tiles.tile_count()) {
    const uint64_t tile_bytes = tiles.stored_bytes(chunk.tile_end);
    if (chunk.stored_bytes + tile_bytes > kChunkBytes) break;
    chunk.stored_bytes += tile_bytes;
    ++chunk.tile_end;
  }
  return chunk;
}

absl::Status VerifyChunk(const LayerFileReader& file, const Chunk& chunk,
                         std::span<const std::byte> bytes) {
  for (size_t tile = chunk.tile_first; tile < chunk.tile_end; ++tile) {
    const uint64_t tile_bytes = file.tiles().stored_bytes(tile);
    const absl::Status status =
        file.tiles().Verify(tile, bytes.first(tile_bytes));
    bytes = bytes.subspan(tile_bytes);
    if (status.ok()) continue;
    const std::string layer =
        LayerOfExtent(file.manifest(), file.tiles().ExtentOf(tile));
    return absl::DataLossError(absl::StrFormat(
        "%s: %s%s", file.path(),
        layer.empty() ? "" : absl::StrFormat("layer \"%s\": ", layer),
        std::string(status.message())));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status VerifyLayerFile(
    const std::string& path,
    const std::function<void(uint64_t done_bytes, uint64_t all_bytes)>&
        progress) {
  ASSIGN_OR_RETURN(const auto file, LayerFileReader::Open(path));
  PageBuffer buffer(std::min(kChunkBytes, file->stream().stored_bytes));
  uint64_t done_bytes = 0;
  for (Chunk chunk{}; chunk.tile_end < file->tiles().tile_count();) {
    chunk = NextChunk(file->tiles(), chunk.tile_end);
    const auto bytes = buffer.bytes().first(chunk.stored_bytes);
    RETURN_IF_ERROR(file->ReadStream(done_bytes, bytes));
    RETURN_IF_ERROR(VerifyChunk(*file, chunk, bytes));
    done_bytes += chunk.stored_bytes;
    if (progress) {
      progress(file->stream().offset_bytes + done_bytes, file->file_bytes());
    }
  }
  return absl::OkStatus();
}

}  // namespace layerd
