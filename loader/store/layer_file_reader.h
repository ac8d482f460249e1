#ifndef LAYERD_LOADER_STORE_LAYER_FILE_READER_H_
#define LAYERD_LOADER_STORE_LAYER_FILE_READER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "layer_file.pb.h"
#include "loader/store/direct_file.h"
#include "loader/store/format.h"
#include "loader/store/superblock.h"
#include "loader/store/tile_table.h"

namespace layerd {

// An open layer file whose superblock, manifest bytes and tile table passed
// their checksums, and whose extents and tiles are sound: inside the file,
// aligned, in order, not overlapping. What the manifest *means* is checked by
// daemon/plan/program; the weights by the loader, tile by tile, as they come.
//
// Errors:    NOT_FOUND, PERMISSION_DENIED; DATA_LOSS for damage and truncation;
//            INVALID_ARGUMENT for a foreign file and for a manifest that would
//            take too much memory (manifest_size.h); FAILED_PRECONDITION for a
//            newer format version. Each begins with the path.
// Threading: immutable after Open().
class LayerFileReader {
 public:
  // Reads superblock, manifest and tile table; never the stream. Opens with
  // O_DIRECT where the file system takes it (see direct()).
  static absl::StatusOr<std::unique_ptr<LayerFileReader>> Open(
      const std::string& path);

  const manifest::Manifest& manifest() const { return manifest_; }
  const std::vector<Extent>& extents() const { return extents_; }
  const TileTable& tiles() const { return tiles_; }
  const StreamLocation& stream() const { return stream_; }
  const std::string& path() const { return path_; }
  // Of what was opened: another file may have the path by now.
  const std::string& digest() const { return digest_; }
  // What the manifest takes at most, while it is read and once it is
  // understood.
  uint64_t manifest_memory_bytes() const { return manifest_memory_bytes_; }
  uint64_t file_bytes() const { return file_.file_bytes(); }

  // For reads of the stream, at stream().offset_bytes and on.
  int fd() const { return file_.fd(); }
  // False where the file system refused O_DIRECT: reads then go through the
  // page cache and must drop what they leave there.
  bool direct() const { return file_.direct(); }

  // Fills `into` from the stream and waits for the drive, for tools that can.
  // Checks no sums.
  // REQUIRES: whole pages inside the stream; `into` begins on a page.
  absl::Status ReadStream(uint64_t offset_bytes,
                          std::span<std::byte> into) const;

  // Gives back the memory of the manifest once it has been understood.
  void DropManifest() { manifest_ = manifest::Manifest(); }

 private:
  LayerFileReader() = default;

  // One function for each region of the file, in its order.
  absl::Status ReadAll();
  absl::StatusOr<Superblock> ReadSuperblock();
  absl::Status ReadManifest(const Superblock& superblock);
  absl::Status ReadTileTable(const Superblock& superblock);

  std::string path_, digest_;
  DirectFile file_;
  StreamLocation stream_{};
  manifest::Manifest manifest_;
  uint64_t manifest_memory_bytes_ = 0;
  std::vector<Extent> extents_;
  TileTable tiles_;
};

// Reads the whole file and compares every byte with its checksum. The first
// damage is DATA_LOSS naming tile, offset and extent, and the layer that reads
// it. `progress` (may be null) hears how many of how many bytes are done.
absl::Status VerifyLayerFile(
    const std::string& path,
    const std::function<void(uint64_t done_bytes, uint64_t all_bytes)>&
        progress);

}  // namespace layerd

#endif  // LAYERD_LOADER_STORE_LAYER_FILE_READER_H_
