#ifndef LAYERD_KERNELS_REFERENCE_LOOPS_H_
#define LAYERD_KERNELS_REFERENCE_LOOPS_H_

#include <array>
#include <cstdint>
#include <vector>

#include "kernels/backend.h"

namespace layerd::reference {

// What the plain loops are made of. They read one element at a time through
// the strides of its tensor, sum in double, and allocate nothing.

using Index = std::array<int64_t, kRankMax>;

// The elements [first, first + count) in each of `rank` dimensions.
struct Box {
  size_t rank = 0;
  Index first{};
  Index count{};
};

inline Box WholeOf(const std::vector<int64_t>& shape) {
  Box box;
  box.rank = shape.size();
  for (size_t d = 0; d < shape.size(); ++d) box.count[d] = shape[d];
  return box;
}

// Calls visit(index) for each index of the box, the last dimension fastest.
template <typename Visit>
void ForEach(const Box& box, Visit visit) {
  Index index = box.first;
  while (true) {
    visit(static_cast<const Index&>(index));
    size_t d = box.rank;
    while (d > 0 && ++index[d - 1] == box.first[d - 1] + box.count[d - 1]) {
      index[d - 1] = box.first[d - 1];
      --d;
    }
    if (d == 0) return;
  }
}

inline int64_t PositionOf(const TensorType& type, const Index& index) {
  int64_t position = 0;
  for (size_t d = 0; d < type.shape.size(); ++d) {
    position += index[d] * type.strides[d];
  }
  return position;
}

// Weights under any layout: blocks split each dimension by itself, so a
// position is a sum of one table entry a dimension.
struct WeightTable {
  uint64_t offset_bytes = 0;
  std::vector<std::vector<int64_t>> positions;
};

WeightTable TableOf(const WeightPiece& piece);

// A part with all that is worth computing once.
struct Part {
  PartSpec spec;
  std::vector<WeightTable> weights;
};

inline const float* Input(const PartMemory& memory, size_t i) {
  return reinterpret_cast<const float*>(memory.inputs[i]);
}
inline float* Output(const PartMemory& memory) {
  return reinterpret_cast<float*>(memory.outputs[0]);
}
inline const float* Weights(const Part& part, const PartMemory& memory,
                            size_t i) {
  return reinterpret_cast<const float*>(memory.weights +
                                        part.weights[i].offset_bytes);
}

double Activate(const Activation& activation, double value);

void Run(const Convolution& op, const Part& part, const PartMemory& memory);
void Run(const FullyConnected& op, const Part& part, const PartMemory& memory);
void Run(const MatMul& op, const Part& part, const PartMemory& memory);
void Run(const Pool& op, const Part& part, const PartMemory& memory);
void Run(const Unary& op, const Part& part, const PartMemory& memory);
void Run(const Binary& op, const Part& part, const PartMemory& memory);
void Run(const ScaleShift& op, const Part& part, const PartMemory& memory);
void Run(const Softmax& op, const Part& part, const PartMemory& memory);
void Run(const Lrn& op, const Part& part, const PartMemory& memory);
void Run(const Pad& op, const Part& part, const PartMemory& memory);
void Run(const Copy& op, const Part& part, const PartMemory& memory);

}  // namespace layerd::reference

#endif  // LAYERD_KERNELS_REFERENCE_LOOPS_H_
