#ifndef LAYERD_KERNELS_CPU_STAGING_H_
#define LAYERD_KERNELS_CPU_STAGING_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/cpu/strided_copy.h"
#include "kernels/operator.h"

namespace layerd::cpu {

// Where the library's fast kernels want a tensor dense and ours is a range of
// a larger one, they compute in scratch, and rows are copied: 0 to 3 % of a
// convolution, where a strided destination would cost a factor of hundreds.

// Hands out pieces of one scratch, each 64 B-aligned.
class ScratchPlan {
 public:
  // Returns the offset.
  size_t Take(size_t bytes);
  size_t bytes() const { return bytes_; }

 private:
  size_t bytes_ = 0;
};

// A range of an F32 tensor: what one part sees of it.
struct Slice {
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;
  int64_t offset = 0;  // Of its first element from that of the tensor.
};

// Equal where it matters: the stride of a dimension of size 1 does not.
bool SameOrder(const std::vector<int64_t>& shape, const std::vector<int64_t>& a,
               const std::vector<int64_t>& b);

// Saturates where the true number does not fit.
int64_t BytesOf(const std::vector<int64_t>& shape);

constexpr int64_t CeilOf(int64_t a, int64_t b) { return (a + b - 1) / b; }

// An input in the order of `wanted`, gathered into scratch unless it is so
// already.
class StagedInput {
 public:
  StagedInput() = default;
  StagedInput(const Slice& slice, const std::vector<int64_t>& wanted,
              ScratchPlan& scratch);

  const float* Ready(const std::byte* tensor, std::byte* scratch) const;

 private:
  bool is_direct_ = true;
  int64_t offset_bytes_ = 0;
  size_t scratch_offset_ = 0;
  StridedCopy copy_;
};

// An output that is computed in the order of `computed`, and scattered from
// scratch unless it is so already. A residual is added on the way, and
// `activation` applied: always from scratch, for it may lie in the output's
// place.
class StagedOutput {
 public:
  StagedOutput() = default;
  StagedOutput(const Slice& slice, const std::vector<int64_t>& computed,
               ScratchPlan& scratch);
  // What is added lies like the slice's tensor, with strides of its own.
  void AddResidual(const Slice& slice, const Slice& residual,
                   const std::vector<int64_t>& computed,
                   const Activation& activation, ScratchPlan& scratch);

  // Where to compute.
  float* Target(std::byte* tensor, std::byte* scratch) const;
  // After computing. `residual` is the whole tensor's, or null.
  void Finish(std::byte* tensor, std::byte* scratch,
              const std::byte* residual) const;

 private:
  bool is_direct_ = true;
  int64_t offset_bytes_ = 0;
  size_t scratch_offset_ = 0;
  StridedCopy copy_;
  bool adds_residual_ = false;
  int64_t residual_offset_bytes_ = 0;
  LoopNest sum_;
  Activation activation_;
};

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_STAGING_H_
