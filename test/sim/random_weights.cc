#include "test/sim/random_weights.h"

#include <unistd.h>

#include <cstdlib>
#include <random>
#include <utility>

#include "config/check.h"
#include "layer_file.pb.h"
#include "loader/store/layer_file_writer.h"

namespace layerd {
namespace {

std::string MakeFolder() {
  const char* parent = std::getenv("TEST_TMPDIR");
  std::string folder = std::string(parent ? parent : "/tmp") + "/weightsXXXXXX";
  LAYERD_CHECK(mkdtemp(folder.data()) != nullptr);
  return folder;
}

manifest::Manifest Describe(const std::vector<uint64_t>& extent_bytes) {
  manifest::Manifest manifest;
  uint64_t offset_bytes = 0;
  for (const uint64_t stored_bytes : extent_bytes) {
    manifest::Extent* extent = manifest.add_extents();
    extent->set_offset_bytes(offset_bytes);
    extent->set_stored_bytes(stored_bytes);
    offset_bytes += stored_bytes;
  }
  return manifest;
}

}  // namespace

RandomWeights::RandomWeights(uint32_t seed,
                             const std::vector<uint64_t>& extent_bytes,
                             uint32_t tile_bytes)
    : folder_(MakeFolder()), path_(folder_ + "/random.layers") {
  auto writer =
      LayerFileWriter::Create(path_, Describe(extent_bytes), tile_bytes);
  LAYERD_CHECK(writer.ok());
  std::minstd_rand random(seed + 1);
  for (const uint64_t stored_bytes : extent_bytes) {
    std::vector<std::byte>& bytes = bytes_.emplace_back(stored_bytes);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() >> 8);
    LAYERD_CHECK((*writer)->AppendExtent(bytes).ok());
  }
  LAYERD_CHECK((*writer)->Commit().ok());
  auto file = LayerFileReader::Open(path_);
  LAYERD_CHECK(file.ok(), std::string(file.status().message()));
  file_ = *std::move(file);
}

RandomWeights::~RandomWeights() {
  unlink(path_.c_str());
  rmdir(folder_.c_str());
}

uint64_t RandomWeights::offset_bytes(size_t extent, uint64_t at) const {
  return file_->stream().offset_bytes + file_->extents()[extent].offset_bytes +
         at;
}

}  // namespace layerd
