#ifndef LAYERD_KERNELS_REFERENCE_LOOPS_H_
#define LAYERD_KERNELS_REFERENCE_LOOPS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "kernels/backend.h"

namespace layerd::reference {

// What the plain loops are made of. They read one element at a time through
// the strides of its tensor, sum in double, and allocate nothing: what they
// need besides, ScratchBytesOf() says, and few do.

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

// Where the elements of one dimension lie. Blocks split each dimension by
// itself, so a position under any layout is a sum of one such number a
// dimension. They are worked out whenever they are asked for: a list would be
// as long as a file says that the dimension is.
struct Positions {
  struct Block {
    int64_t size, stride;
  };
  int64_t size = 1, stride = 0;    // The stride is that of whole blocks.
  std::vector<Block> blocks = {};  // The innermost first.

  int64_t operator[](int64_t i) const {
    int64_t position = 0;
    for (const Block& block : blocks) {
      position += i % block.size * block.stride;
      i /= block.size;
    }
    return position + i * stride;
  }
};

struct PlacedWeights {
  uint64_t offset_bytes = 0;
  std::vector<Positions> positions;  // By dimension.
};

PlacedWeights PlacesOf(const WeightPiece& piece);

// A part with all that is worth computing once.
struct Part {
  PartSpec spec;
  std::vector<PlacedWeights> weights;
  std::vector<Positions> kernel_input;  // If input 1 is it.
};

template <typename T = float>
const T* Input(const PartMemory& memory, size_t i) {
  return reinterpret_cast<const T*>(memory.inputs[i]);
}
template <typename T = float>
T* Output(const PartMemory& memory) {
  return reinterpret_cast<T*>(memory.outputs[0]);
}
template <typename T = float>
const T* Weights(const Part& part, const PartMemory& memory, size_t i) {
  return reinterpret_cast<const T*>(memory.weights +
                                    part.weights[i].offset_bytes);
}

// Where an operand that broadcasts is read for an element of the output:
// dimensions align at the last one; those of size 1 broadcast.
int64_t BroadcastPosition(const TensorType& operand, const TensorType& output,
                          const Index& index);
// As that, of weight `i`.
int64_t ConstantPosition(const Part& part, size_t i, const Index& index);

double Activate(const Activation& activation, double value);

// Of PartMemory's scratch.
size_t ScratchBytesOf(const PartSpec& spec);

// Errors: what the data of one job asks for and cannot be: INVALID_ARGUMENT for
//         an index outside, or a division of integers by zero.
absl::Status Run(const Convolution& op, const Part& part,
                 const PartMemory& memory);
absl::Status Run(const FullyConnected& op, const Part& part,
                 const PartMemory& memory);
absl::Status Run(const MatMul& op, const Part& part, const PartMemory& memory);
absl::Status Run(const Pool& op, const Part& part, const PartMemory& memory);
absl::Status Run(const Unary& op, const Part& part, const PartMemory& memory);
absl::Status Run(const Binary& op, const Part& part, const PartMemory& memory);
absl::Status Run(const ScaleShift& op, const Part& part,
                 const PartMemory& memory);
absl::Status Run(const Softmax& op, const Part& part, const PartMemory& memory);
absl::Status Run(const Lrn& op, const Part& part, const PartMemory& memory);
absl::Status Run(const Pad& op, const Part& part, const PartMemory& memory);
absl::Status Run(const Copy& op, const Part& part, const PartMemory& memory);
absl::Status Run(const ConvTranspose& op, const Part& part,
                 const PartMemory& memory);
absl::Status Run(const LayerNorm& op, const Part& part,
                 const PartMemory& memory);
absl::Status Run(const Reduce& op, const Part& part, const PartMemory& memory);
absl::Status Run(const Gather& op, const Part& part, const PartMemory& memory);
absl::Status Run(const Select& op, const Part& part, const PartMemory& memory);
absl::Status Run(const Resize& op, const Part& part, const PartMemory& memory);
absl::Status Run(const Recurrent& op, const Part& part,
                 const PartMemory& memory);
absl::Status Run(const TopK& op, const Part& part, const PartMemory& memory);

}  // namespace layerd::reference

#endif  // LAYERD_KERNELS_REFERENCE_LOOPS_H_
