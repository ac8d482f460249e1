#ifndef LAYERD_KERNELS_IN_PLACE_H_
#define LAYERD_KERNELS_IN_PLACE_H_

#include <cstddef>
#include <optional>

#include "kernels/operator.h"

namespace layerd {

// The input that an output of the same type may be written over. Every backend
// reads each element of it once, before it writes the output's in that place:
// in whole layers, and in parts that run one after another.
std::optional<size_t> InputInPlace(const Operator& op);

}  // namespace layerd

#endif  // LAYERD_KERNELS_IN_PLACE_H_
