#ifndef LAYERD_KERNELS_CUDA_SLICE_H_
#define LAYERD_KERNELS_CUDA_SLICE_H_

#include <cstdint>
#include <vector>

#include "kernels/backend.h"
#include "kernels/cuda/operands.h"

namespace layerd::cuda {

// A range of a tensor: what one part sees of it.
struct Slice {
  std::vector<int64_t> shape, strides;
  int64_t offset = 0;  // Of its first element, in elements.

  static Slice Of(const TensorType& type) {
    return {type.shape, type.strides, 0};
  }
  // Channels first, strides channels-last: as if it had memory of its own.
  static Slice Dense(std::vector<int64_t> shape);

  void Cut(size_t dimension, const Range& range) {
    offset += range.first * strides[dimension];
    shape[dimension] = range.count;
  }
  // Puts a dimension of size 1 before dimension `at`.
  void Widen(size_t at);

  int64_t count() const;
  int64_t span() const;  // In elements.
  bool IsDense() const;
};

// [rows, columns] of a tensor whose leading dimensions have one stride
// together; a shape of none if they have not.
Slice AsMatrix(const TensorType& type);

// The largest power of two, at most 256, that the address of the slice is
// surely a multiple of.
uint32_t AlignmentOf(const PartSpec& spec, const Slice& slice, DataType type);

// Without its address.
Operand OperandOf(const Slice& slice, DataType type);
inline Operand OperandOf(const TensorType& type) {
  return OperandOf(Slice::Of(type), type.dtype);
}

// Broadcasts against `shape`: aligned at the last dimension.
Operand BroadcastOperand(const std::vector<int64_t>& operand_shape,
                         const std::vector<int64_t>& strides,
                         const std::vector<int64_t>& shape, DataType type);

Operands OperandsFor(const std::vector<int64_t>& shape);

inline void* AddressOf(std::byte* base, const Slice& slice, DataType type) {
  return base + slice.offset * static_cast<int64_t>(SizeOf(type));
}

// Fills `to` (of `to_type`) with `from`, dense or not; elements that lie
// outside of `from` are zero: `before[d]` of them come first.
void DescribeMove(const Slice& from, DataType from_type, const Slice& to,
                  DataType to_type, const std::vector<int64_t>& before,
                  Operands* operands, MoveArguments* arguments);

}  // namespace layerd::cuda

#endif  // LAYERD_KERNELS_CUDA_SLICE_H_
