#ifndef LAYERD_KERNELS_PART_CHECK_H_
#define LAYERD_KERNELS_PART_CHECK_H_

#include "absl/status/status.h"
#include "kernels/backend.h"

namespace layerd {

// The door for parts, shared by all backends. Specs come out of layer files
// and are hostile until checked; a part that passes touches nothing but
//   - the span_bytes() of its inputs and outputs,
//   - layout.bytes() from the offset of each of its weights,
// so who owns those bytes has only to compare sizes. Products of sizes below
// fit into an int64_t.
//
// Returns INVALID_ARGUMENT naming the operator and the first unsound field,
// UNIMPLEMENTED where the part is sound but no backend computes it.
absl::Status CheckPart(const PartSpec& spec);

// As CheckPart(), and the weights lie at offsets that kernels may use. Not
// asked when packing: the offsets are not known then.
absl::Status CheckPlacedPart(const PartSpec& spec);

// UNIMPLEMENTED, and what to do, if the part computes with F16 tensors: not
// every backend does. What only moves elements is OK.
absl::Status CheckComputesF32(const PartSpec& spec);

}  // namespace layerd

#endif  // LAYERD_KERNELS_PART_CHECK_H_
