#ifndef LAYERD_TEST_GPU_HALF_LAYER_H_
#define LAYERD_TEST_GPU_HALF_LAYER_H_

#include <vector>

#include "test/kernels/test_layer.h"

namespace layerd {

// One layer as it is with tensors of halves, and what the oracle, which knows
// f32 alone, is to be asked instead: the same numbers, each rounded to a half.
struct HalfLayer {
  TestLayer half, rounded;
};

// Tensors of F32 become F16. So do the biases of convolutions and fully
// connected layers, and their kernels, if they are F32; or, without
// `halves_kernel`, those are stored as they are and decoded. Other weights
// stay.
HalfLayer InHalf(const TestLayer& layer, bool halves_kernel = true);

// Whether it has such a kernel.
bool HasFloatKernel(const PartSpec& spec);

// Halves as floats, bit patterns of all ones staying such: nobody wrote them.
std::vector<std::byte> Widened(const std::vector<std::byte>& halves);

}  // namespace layerd

#endif  // LAYERD_TEST_GPU_HALF_LAYER_H_
