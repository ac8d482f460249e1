#ifndef LAYERD_TEST_SIM_PART_TABLE_H_
#define LAYERD_TEST_SIM_PART_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace layerd {

// What the simulator knows of a network: bytes and work of each part. From a
// file that test/sim/tables/make.sh wrote.
struct PartTable {
  struct Part {
    std::optional<uint32_t> read;
    double flops = 0;
  };
  std::string name;
  std::vector<uint64_t> reads_bytes;
  std::vector<Part> parts;
  std::vector<uint32_t> last_part_of_read;

  uint64_t bytes() const;
  double flops() const;

  // When the first extents, of at most `head_bytes`, stay in memory: what is
  // still read.
  PartTable WithHead(uint64_t head_bytes) const;

  // REQUIRES: the file is there and well formed.
  static PartTable Read(const std::string& path);
};

// Those of test/sim/tables, by name; the path is that of a test's runfiles.
std::vector<PartTable> AllPartTables();

}  // namespace layerd

#endif  // LAYERD_TEST_SIM_PART_TABLE_H_
