#ifndef LAYERD_DAEMON_PLAN_BYTE_RANGES_H_
#define LAYERD_DAEMON_PLAN_BYTE_RANGES_H_

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "kernels/tensor.h"

namespace layerd {

// Byte ranges [first, end) that do not touch.
class ByteRanges {
 public:
  void Add(uint64_t first, uint64_t end);
  // Of the range that has the byte; nothing if none has.
  std::optional<uint64_t> EndAround(uint64_t place) const;

 private:
  std::map<uint64_t, uint64_t> ranges_;  // First byte to end.
};

// A tensor that begins at a byte of its buffer.
struct PlacedTensor {
  uint64_t first = 0;
  const TensorType& type;
};

// Blocks of bytes that lie in steps inside each other, the outermost first.
struct ByteBlocks {
  struct Step {
    uint64_t count, bytes;
    auto operator<=>(const Step&) const = default;
  };
  uint64_t first = 0;
  uint64_t bytes = 0;  // Of one.
  std::vector<Step> steps;
};

// What was written of a buffer, element by element.
//
// Why not from a tensor's first element to its last: arenas serve one request
// after another, so what lies between the rows of a tensor is another's. Why
// not a range for each row: a picture in a range of the channels of a larger
// one has as many as pixels. Those that lie in the same steps, as everything
// that is concatenated does, are kept as the ranges of one of them.
class WrittenBytes {
 public:
  // REQUIRES: `tensor` is sound, and no two elements of it share their place.
  void Add(const PlacedTensor& tensor);

  // Whether every element of a tensor was written; what lies between them does
  // not count. Mostly in one step; else with one for each piece that its
  // elements lie in, times the kinds of steps that there are. They are added to
  // `steps`; false as well if these become more than `steps_max`.
  // REQUIRES: `tensor` is sound and its bytes can be counted.
  bool Cover(const PlacedTensor& tensor, uint64_t steps_max,
             uint64_t* steps) const;

 private:
  struct Comb {
    uint64_t first;
    std::vector<ByteBlocks::Step> steps;
    auto operator<=>(const Comb&) const = default;
  };

  static Comb CombOf(const ByteBlocks& blocks);
  bool HasAsWritten(const ByteBlocks& blocks) const;
  std::optional<uint64_t> EndAround(uint64_t place, uint64_t* steps) const;

  ByteRanges ranges_;
  std::map<Comb, ByteRanges> combs_;  // With what one of its steps has.
};

// Whether two tensors of one buffer have a byte in common. As above, what lies
// between rows does not count. A step for each turn that they take in memory is
// added to `steps`; true as well if these become more than `steps_max`.
// REQUIRES: as Cover(), and both have elements.
bool Overlap(const PlacedTensor& a, const PlacedTensor& b, uint64_t steps_max,
             uint64_t* steps);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_BYTE_RANGES_H_
