#ifndef LAYERD_TEST_KERNELS_WRAPPED_KERNEL_H_
#define LAYERD_TEST_KERNELS_WRAPPED_KERNEL_H_

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>

#include "kernels/backend.h"

namespace layerd {

// Another backend's kernel and the part that it was prepared for: what a
// backend that stands before another one hands out.
class WrappedKernel : public Kernel {
 public:
  WrappedKernel(std::unique_ptr<Kernel> inner, PartSpec spec)
      : inner_(std::move(inner)), spec_(std::move(spec)) {}

  size_t scratch_bytes() const override { return inner_->scratch_bytes(); }
  size_t decoded_bytes() const override { return inner_->decoded_bytes(); }

  Kernel& inner() const { return *inner_; }
  const PartSpec& spec() const { return spec_; }

  // Up to the end of the last piece.
  size_t weight_bytes() const {
    size_t bytes = 0;
    for (const WeightPiece& piece : spec_.weights) {
      bytes =
          std::max<size_t>(bytes, piece.offset_bytes + piece.layout.bytes());
    }
    return bytes;
  }

 private:
  const std::unique_ptr<Kernel> inner_;
  const PartSpec spec_;
};

}  // namespace layerd

#endif  // LAYERD_TEST_KERNELS_WRAPPED_KERNEL_H_
