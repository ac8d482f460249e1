#include "kernels/cuda/slice.h"

#include <algorithm>

namespace layerd::cuda {

Slice Slice::Dense(std::vector<int64_t> shape) {
  std::vector<int64_t> strides = ChannelsLastStrides(shape);
  return {std::move(shape), std::move(strides), 0};
}

void Slice::Widen(size_t at) {
  const int64_t stride =
      at < shape.size() ? shape[at] * strides[at] : int64_t{1};
  shape.insert(shape.begin() + at, 1);
  strides.insert(strides.begin() + at, stride);
}

int64_t Slice::count() const {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  return count;
}

int64_t Slice::span() const {
  int64_t last = 0;
  for (size_t d = 0; d < shape.size(); ++d) last += (shape[d] - 1) * strides[d];
  return last + 1;
}

bool Slice::IsDense() const {
  const std::vector<int64_t> dense = ChannelsLastStrides(shape);
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] > 1 && strides[d] != dense[d]) return false;
  }
  return true;
}

Slice AsMatrix(const TensorType& type) {
  const size_t last = type.shape.size() - 1;
  Slice matrix{
      {1, type.shape[last]}, {type.shape[last], type.strides[last]}, 0};
  int64_t next_stride = -1;  // Of the next dimension outwards.
  for (size_t d = last; d-- > 0;) {
    if (type.shape[d] == 1) continue;
    if (next_stride < 0) {
      matrix.strides[0] = type.strides[d];
    } else if (type.strides[d] != next_stride) {
      return {};
    }
    matrix.shape[0] *= type.shape[d];
    next_stride = type.strides[d] * type.shape[d];
  }
  return matrix;
}

uint32_t AlignmentOf(const PartSpec& spec, const Slice& slice, DataType type) {
  const uint64_t address = static_cast<uint64_t>(slice.offset) * SizeOf(type) |
                           spec.alignment_bytes | 256;
  return static_cast<uint32_t>(address & -address);
}

Operand OperandOf(const Slice& slice, DataType type) {
  Operand operand;
  operand.span_bytes = slice.span() * static_cast<int64_t>(SizeOf(type));
  operand.is_half = type == DataType::kF16;
  std::copy(slice.strides.begin(), slice.strides.end(), operand.strides);
  return operand;
}

Operand BroadcastOperand(const std::vector<int64_t>& operand_shape,
                         const std::vector<int64_t>& strides,
                         const std::vector<int64_t>& shape, DataType type) {
  const Operand whole = OperandOf(Slice{operand_shape, strides, 0}, type);
  Operand operand;
  operand.span_bytes = whole.span_bytes;
  operand.is_half = whole.is_half;
  const size_t missing = shape.size() - operand_shape.size();
  for (size_t d = 0; d < operand_shape.size(); ++d) {
    if (operand_shape[d] > 1) operand.strides[missing + d] = strides[d];
  }
  return operand;
}

Operands OperandsFor(const std::vector<int64_t>& shape) {
  Operands operands;
  operands.rank = static_cast<int>(shape.size());
  operands.count = 1;
  for (size_t d = 0; d < shape.size(); ++d) {
    operands.shape[d] = shape[d];
    operands.count *= shape[d];
  }
  return operands;
}

void DescribeMove(const Slice& from, DataType from_type, const Slice& to,
                  DataType to_type, const std::vector<int64_t>& before,
                  Operands* operands, MoveArguments* arguments) {
  *operands = OperandsFor(to.shape);
  operands->y = OperandOf(to, to_type);
  operands->x[0] = OperandOf(from, from_type);
  arguments->from = static_cast<int>(from_type);
  arguments->to = static_cast<int>(to_type);
  for (size_t d = 0; d < to.shape.size(); ++d) {
    arguments->begin[d] = before.empty() ? 0 : before[d];
    arguments->last[d] = from.shape[d] - 1;
  }
}

}  // namespace layerd::cuda
