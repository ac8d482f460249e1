#ifndef LAYERD_KERNELS_WEIGHT_LAYOUT_H_
#define LAYERD_KERNELS_WEIGHT_LAYOUT_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kernels/tensor.h"

namespace layerd {

// How the weights of one part lie in their extent, in closed form: outer
// strides and inner blocks, as oneDNN's blocked descriptors tell it. Stored in
// the layer file, so that weights are used where they were read.
//
// Element (i0, i1, ...) is at sum_d outer_d * strides[d] + the position inside
// the inner block, where each inner block (dimension, size) splits its
// dimension; blocks are listed from the outermost to the innermost.
//
// Shapes: convolution [O, I, spatial...], or [G, O/G, I/G, spatial...] with
//         groups; fully connected [N, K]; bias and other vectors [n].
// Winograd's transform stores 6 x 6 elements for each window of 3 x 3
//         (kernels/winograd.h): then padded_shape says so, and positions are
//         those of what is stored.
// Units:  strides and positions in elements.
struct WeightLayout {
  // The numbers stand in layer files: never change one.
  enum class Transform : uint8_t { kNone = 0, kWinograd = 1 };

  struct Block {
    uint32_t dimension;
    int64_t size;
    friend bool operator==(const Block&, const Block&) = default;
  };

  DataType dtype = DataType::kF32;  // As stored.
  std::vector<int64_t> shape;
  std::vector<int64_t> padded_shape;  // Each at least shape; the rest is zero.
  std::vector<int64_t> strides;       // Of the outer index of each dimension.
  std::vector<Block> blocks;
  Transform transform = Transform::kNone;

  static WeightLayout Plain(DataType dtype, std::vector<int64_t> shape);
  // Transformed, and else plain. REQUIRES: shape is [O, I, 3, 3].
  static WeightLayout PlainWinograd(std::vector<int64_t> shape);

  // Of the padded tensor; saturates.
  size_t bytes() const;

  // Position of one element. REQUIRES: index lies inside padded_shape.
  int64_t PositionOf(std::span<const int64_t> index) const;

  friend bool operator==(const WeightLayout&, const WeightLayout&) = default;
};

std::string ToString(const WeightLayout& layout);

}  // namespace layerd

#endif  // LAYERD_KERNELS_WEIGHT_LAYOUT_H_
