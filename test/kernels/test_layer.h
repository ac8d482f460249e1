#ifndef LAYERD_TEST_KERNELS_TEST_LAYER_H_
#define LAYERD_TEST_KERNELS_TEST_LAYER_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "kernels/backend.h"
#include "test/kernels/part_sketches.h"

namespace layerd {

// Memory at a chosen distance from a page, with guards on both sides.
class GuardedMemory {
 public:
  static constexpr size_t kGuardBytes = 4096;

  explicit GuardedMemory(size_t bytes, size_t shift_bytes = 0);

  std::byte* data() const { return data_; }
  size_t size() const { return bytes_; }
  bool guards_hold() const;

 private:
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };

  size_t bytes_;
  std::unique_ptr<std::byte[], Free> all_;
  size_t all_bytes_;
  std::byte* data_;
};

// A layer with random inputs and weights, to be run whole or in parts.
struct TestLayer {
  std::string name;
  PartSpec whole;                               // Plain weights, whole ranges.
  std::vector<std::vector<std::byte>> inputs;   // Of the types' spans.
  std::vector<std::vector<std::byte>> weights;  // Plain.
};

// Fills ranges and draws the bytes. Floats lie within (-1, 1), divisors and
// scales away from zero, other datatypes anywhere.
TestLayer Draw(std::string name, PartSpec spec, uint32_t seed);

// The spec of a part of it: its ranges, and the weights of its channels.
PartSpec PartOf(const TestLayer& layer, const Range& channels,
                const Range& rows);

// Where the tensors of a part begin, from the whole ones: for parts that are a
// smaller layer.
struct PartPlace {
  std::vector<uint64_t> input_offsets_bytes;
  uint64_t output_offset_bytes = 0;
};

struct RunOptions {
  // Of inputs and outputs from a page; weights and scratch keep the alignment
  // that they are promised.
  size_t shift_bytes = 0;
  bool in_place = false;  // InputInPlace() is the output's memory.
  std::vector<PartPlace> places =
      {};  // Of each part; none: where the whole do.
};

// The whole span of the output after running the parts one after another; what
// none of them wrote is 0xff. Weights are packed as the backend asks. Memory
// that a part must not touch is guarded.
struct Outcome {
  absl::Status status;
  std::vector<std::byte> output;
  bool guards_held = true;
};
Outcome Run(Backend& backend, const TestLayer& layer,
            const std::vector<PartSpec>& parts, const RunOptions& options = {});
Outcome Run(Backend& backend, const TestLayer& layer,
            const RunOptions& options = {});

// Empty if every F32 is near (1e-4 relatively and 1e-5) and everything that
// was not written is so on both sides; else the first difference. Other
// datatypes must be equal.
std::string Difference(DataType dtype, const std::vector<std::byte>& actual,
                       const std::vector<std::byte>& expected);

}  // namespace layerd

#endif  // LAYERD_TEST_KERNELS_TEST_LAYER_H_
