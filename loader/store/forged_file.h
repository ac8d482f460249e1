#ifndef LAYERD_LOADER_STORE_FORGED_FILE_H_
#define LAYERD_LOADER_STORE_FORGED_FILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "layer_file.pb.h"
#include "loader/store/superblock.h"

namespace layerd {

// For tests: a layer file whose checksums are right, whatever else in it a
// test has made wrong. Made without the writer, from the format's page alone.
struct ForgedFile {
  // A sound file, if the extents of `manifest` are sound; its stream is zeros.
  static ForgedFile Of(const manifest::Manifest& manifest, uint32_t tile_bytes);

  // Up to the stream; the checksums of its regions and its own are computed.
  std::string Head() const;
  // All of it. REQUIRES: there is memory for the stream.
  std::string Bytes() const;

  Superblock superblock;
  std::string manifest;
  std::vector<uint32_t> tile_crc32c;
  char padding = 0;
};

}  // namespace layerd

#endif  // LAYERD_LOADER_STORE_FORGED_FILE_H_
