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

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_BYTE_RANGES_H_
