#ifndef LAYERD_TEST_SIM_RANDOM_WEIGHTS_H_
#define LAYERD_TEST_SIM_RANDOM_WEIGHTS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "loader/store/layer_file_reader.h"

namespace layerd {

// A layer file of random bytes in a folder of its own; both are gone with it.
class RandomWeights {
 public:
  RandomWeights(uint32_t seed, const std::vector<uint64_t>& extent_bytes,
                uint32_t tile_bytes);
  ~RandomWeights();
  RandomWeights(const RandomWeights&) = delete;
  RandomWeights& operator=(const RandomWeights&) = delete;

  const LayerFileReader& file() const { return *file_; }
  const std::string& path() const { return path_; }
  size_t extents() const { return bytes_.size(); }

  // What must lie in memory.
  std::span<const std::byte> bytes(size_t extent) const {
    return bytes_[extent];
  }
  // In the file, of a byte of an extent.
  uint64_t offset_bytes(size_t extent, uint64_t at = 0) const;

 private:
  std::string folder_;
  std::string path_;
  std::vector<std::vector<std::byte>> bytes_;
  std::unique_ptr<LayerFileReader> file_;
};

}  // namespace layerd

#endif  // LAYERD_TEST_SIM_RANDOM_WEIGHTS_H_
