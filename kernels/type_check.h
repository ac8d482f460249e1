#ifndef LAYERD_KERNELS_TYPE_CHECK_H_
#define LAYERD_KERNELS_TYPE_CHECK_H_

#include <cstdint>

#include "absl/status/status.h"
#include "kernels/tensor.h"
#include "kernels/weight_layout.h"

namespace layerd {

// What one tensor may span; far more than any machine has, far less than would
// overflow.
inline constexpr uint64_t kSpanBytesMax = uint64_t{1} << 40;

// Of each piece of weights inside its extent.
inline constexpr uint64_t kWeightAlignment = 256;

// The doors for types out of a layer file. INVALID_ARGUMENT says what is wrong.

// Sizes are positive, strides are not negative, and the span is addressable.
absl::Status CheckTensorType(const TensorType& type);

// As CheckTensorType(), and no two elements share their place.
absl::Status CheckOutputType(const TensorType& type);

// Every element of the padded shape lies inside the bytes().
absl::Status CheckWeightLayout(const WeightLayout& layout);

}  // namespace layerd

#endif  // LAYERD_KERNELS_TYPE_CHECK_H_
