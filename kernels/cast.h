#ifndef LAYERD_KERNELS_CAST_H_
#define LAYERD_KERNELS_CAST_H_

#include <cstddef>
#include <cstdint>

#include "kernels/tensor.h"

namespace layerd {

// Converts `count` elements, strides in elements. Ranges must not overlap.
using CastRow = void (*)(const std::byte* from, int64_t from_stride,
                         std::byte* to, int64_t to_stride, int64_t count);

// As ONNX's Cast. Floats round to nearest even; floats to integers truncate;
// anything not zero is true. Where ONNX leaves the result open we choose one:
// a float beyond an integer's range becomes its nearest end, and NaN zero.
// Integers beyond the range wrap. Equal types are copied bit by bit.
//
// REQUIRES: both types are known.
CastRow CastRowFor(DataType from, DataType to);

}  // namespace layerd

#endif  // LAYERD_KERNELS_CAST_H_
