#ifndef LAYERD_KERNELS_REFERENCE_REFERENCE_PART_H_
#define LAYERD_KERNELS_REFERENCE_REFERENCE_PART_H_

#include <cstddef>

#include "absl/status/status.h"
#include "kernels/backend.h"
#include "kernels/reference/loops.h"

namespace layerd {

// One part in plain loops: the oracle, and what the CPU backend falls back to
// where its library has no answer. Right for every part that passed
// CheckPlacedPart(), whatever its strides and weight layouts; slow.
class ReferencePart {
 public:
  // REQUIRES: `spec` passed CheckPlacedPart().
  explicit ReferencePart(PartSpec spec);

  size_t scratch_bytes() const { return scratch_bytes_; }
  // Errors: of the job's data, naming the operator: an index outside, a
  //         division of integers by zero.
  absl::Status Run(const PartMemory& memory) const;

 private:
  reference::Part part_;
  size_t scratch_bytes_ = 0;
};

}  // namespace layerd

#endif  // LAYERD_KERNELS_REFERENCE_REFERENCE_PART_H_
