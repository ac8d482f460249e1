#ifndef LAYERD_TEST_KERNELS_ORACLE_H_
#define LAYERD_TEST_KERNELS_ORACLE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "test/kernels/test_layer.h"

namespace layerd {

// Whether PartSpec cuts the layer: over channels; over rows as well, if it is
// no transposed convolution.
bool IsCut(const TestLayer& layer);
bool IsCutIntoRows(const TestLayer& layer);

// The parts of `layer`, of at most so many channels and rows each; whole
// groups.
std::vector<PartSpec> Cut(const TestLayer& layer, int64_t channels,
                          int64_t rows);

// What the oracle is asked, and how near its numbers have to be.
struct OracleQuestion {
  const TestLayer* asked = nullptr;  // Null: the layer itself.
  // "" if they are near. None: Difference().
  std::function<std::string(const std::vector<std::byte>& actual,
                            const std::vector<std::byte>& expected)>
      compare = nullptr;
};

// "" if `parts` of `layer` together give what the reference backend makes of
// the layer, and write nothing else; else the first thing that is wrong. The
// oracle itself is held to numbers by hand in kernels/reference.
std::string WrongBesideOracle(Backend& backend, const TestLayer& layer,
                              const std::vector<PartSpec>& parts,
                              const RunOptions& options = {},
                              const OracleQuestion& question = {});

}  // namespace layerd

#endif  // LAYERD_TEST_KERNELS_ORACLE_H_
