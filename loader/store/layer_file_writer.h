#ifndef LAYERD_LOADER_STORE_LAYER_FILE_WRITER_H_
#define LAYERD_LOADER_STORE_LAYER_FILE_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "layer_file.pb.h"
#include "loader/store/format.h"

namespace layerd {

// Writes a layer file extent by extent, so that packing never holds more than
// one of them. Everything but the weights themselves is known at the start:
// the manifest lists the extents. The file appears under its name only by
// Commit(), complete and synced; without it nothing is left behind and an
// older file of that name stays as it was.
//
// Same manifest and bytes, same file.
//
// Errors: RESOURCE_EXHAUSTED when the disk is full, PERMISSION_DENIED,
//         NOT_FOUND (folder), INVALID_ARGUMENT for a model beyond the limits
//         of format.h, INTERNAL otherwise; always with the path. The first is
//         final: every later call returns it.
// Threading: one thread.
class LayerFileWriter {
 public:
  // REQUIRES: manifest.extents() are consecutive from 0 in stream order, each
  // a positive multiple of 4 KiB; tile_bytes is a power of two in range.
  static absl::StatusOr<std::unique_ptr<LayerFileWriter>> Create(
      const std::string& path, const manifest::Manifest& manifest,
      uint32_t tile_bytes);
  ~LayerFileWriter();

  // The next extent: at most its stored bytes; the rest is zero.
  absl::Status AppendExtent(std::span<const std::byte> bytes) {
    return AppendPiece(bytes, /*is_last=*/true);
  }
  // The same in pieces, for an extent that is too large to be held.
  // REQUIRES: every piece but the last is whole tiles of the extent.
  absl::Status AppendPiece(std::span<const std::byte> bytes, bool is_last);

  // REQUIRES: every extent of the manifest was appended.
  absl::Status Commit();

 private:
  struct Impl;
  explicit LayerFileWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace layerd

#endif  // LAYERD_LOADER_STORE_LAYER_FILE_WRITER_H_
