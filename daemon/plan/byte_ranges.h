#ifndef LAYERD_DAEMON_PLAN_BYTE_RANGES_H_
#define LAYERD_DAEMON_PLAN_BYTE_RANGES_H_

#include <cstdint>
#include <map>

#include "kernels/tensor.h"

namespace layerd {

// Byte ranges [first, end) of a buffer that do not touch: what was written.
class ByteRanges {
 public:
  void Add(uint64_t first, uint64_t end);

  // Whether all elements of a tensor that begins there lie in the ranges. What
  // lies between its rows does not count: a tensor inside a larger one has
  // gaps. As many steps as there are ranges at most, whatever its shape; they
  // are added to `steps`.
  // REQUIRES: `type` is sound and its bytes can be counted.
  bool Cover(uint64_t first, const TensorType& type, uint64_t* steps) const;

 private:
  std::map<uint64_t, uint64_t> ranges_;  // First byte to end.
};

// A tensor that begins at a byte of its buffer.
struct PlacedTensor {
  uint64_t first = 0;
  const TensorType& type;
};

// Whether two tensors of one buffer have a byte in common. As above, what lies
// between rows does not count. A step for each turn that they take in memory is
// added to `steps`; true as well if these become more than `steps_max`.
// REQUIRES: as Cover(), and both have elements.
bool Overlap(const PlacedTensor& a, const PlacedTensor& b, uint64_t steps_max,
             uint64_t* steps);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_BYTE_RANGES_H_
