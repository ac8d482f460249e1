#include "kernels/cpu/staging.h"

#include <limits>

#include "kernels/cpu/element_loops.h"

namespace layerd::cpu {
namespace {

constexpr int64_t kF32Bytes = 4;
constexpr DataType kF32 = DataType::kF32;

const float* Floats(const std::byte* bytes) {
  return reinterpret_cast<const float*>(bytes);
}
float* Floats(std::byte* bytes) { return reinterpret_cast<float*>(bytes); }

}  // namespace

size_t ScratchPlan::Take(size_t bytes) {
  constexpr size_t kAlignment = 64;
  const size_t offset = bytes_;
  bytes_ += (bytes + kAlignment - 1) / kAlignment * kAlignment;
  return offset;
}

bool SameOrder(const std::vector<int64_t>& shape, const std::vector<int64_t>& a,
               const std::vector<int64_t>& b) {
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] > 1 && a[d] != b[d]) return false;
  }
  return true;
}

int64_t BytesOf(const std::vector<int64_t>& shape) {
  int64_t bytes;
  return __builtin_mul_overflow(TensorType{kF32, shape, {}}.element_count(),
                                kF32Bytes, &bytes)
             ? std::numeric_limits<int64_t>::max()
             : bytes;
}

StagedInput::StagedInput(const Slice& slice, const std::vector<int64_t>& wanted,
                         ScratchPlan& scratch)
    : is_direct_(SameOrder(slice.shape, slice.strides, wanted)),
      offset_bytes_(slice.offset * kF32Bytes) {
  if (is_direct_) return;
  scratch_offset_ = scratch.Take(BytesOf(slice.shape));
  copy_ = StridedCopy(slice.shape, kF32, slice.strides, kF32, wanted);
}

const float* StagedInput::Ready(const std::byte* tensor,
                                std::byte* scratch) const {
  if (is_direct_) return Floats(tensor + offset_bytes_);
  copy_.Run(tensor + offset_bytes_, scratch + scratch_offset_);
  return Floats(scratch + scratch_offset_);
}

StagedOutput::StagedOutput(const Slice& slice,
                           const std::vector<int64_t>& computed,
                           ScratchPlan& scratch)
    : is_direct_(SameOrder(slice.shape, slice.strides, computed)),
      offset_bytes_(slice.offset * kF32Bytes) {
  if (is_direct_) return;
  scratch_offset_ = scratch.Take(BytesOf(slice.shape));
  copy_ = StridedCopy(slice.shape, kF32, computed, kF32, slice.strides);
}

void StagedOutput::AddResidual(const Slice& slice, const Slice& residual,
                               const std::vector<int64_t>& computed,
                               const Activation& activation,
                               ScratchPlan& scratch) {
  if (is_direct_) scratch_offset_ = scratch.Take(BytesOf(slice.shape));
  is_direct_ = false;
  adds_residual_ = true;
  residual_offset_bytes_ = residual.offset * kF32Bytes;
  sum_ = PlanLoops(slice.shape, {slice.strides, computed, residual.strides});
  activation_ = activation;
}

float* StagedOutput::Target(std::byte* tensor, std::byte* scratch) const {
  return Floats(is_direct_ ? tensor + offset_bytes_
                           : scratch + scratch_offset_);
}

void StagedOutput::Finish(std::byte* tensor, std::byte* scratch,
                          const std::byte* residual) const {
  const float* computed = Target(tensor, scratch);
  std::byte* output = tensor + offset_bytes_;
  if (adds_residual_) {
    RunSum(sum_, activation_, computed,
           Floats(residual + residual_offset_bytes_), Floats(output));
  } else if (!is_direct_) {
    copy_.Run(scratch + scratch_offset_, output);
  }
}

}  // namespace layerd::cpu
