#ifndef LAYERD_DAEMON_PACK_LOWER_MEMORY_NEED_H_
#define LAYERD_DAEMON_PACK_LOWER_MEMORY_NEED_H_

#include <cstddef>

#include "daemon/pack/network/network.h"
#include "kernels/tensor.h"

namespace layerd {

// What a layer asks of the memory of an operand. What is asked for here is what
// backends are fast on; they compute on any strides.
enum class MemoryNeed {
  kAny,
  kUnitChannels,  // Channels side by side; pixels may lie apart.
  kChannelsLast,  // Without gaps.
  kRowMajor,      // Without gaps.
};

MemoryNeed NeedOf(const Operation& node, size_t input);

bool Meets(const TensorType& type, MemoryNeed need);

// Whether the layer may write into a range of a larger buffer.
bool WritesWithStrides(const Operation& node);

// Whether the layer writes rows of pictures and pictures of rows alike.
bool WritesAnyOrder(const Operation& node);

// Whether the output may be the memory of an operand.
bool WritesOverItsOperand(const Operation& node);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_LOWER_MEMORY_NEED_H_
