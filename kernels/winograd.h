#ifndef LAYERD_KERNELS_WINOGRAD_H_
#define LAYERD_KERNELS_WINOGRAD_H_

#include <cstdint>

namespace layerd {

// Winograd's F(4x4, 3x3): a window of 3 x 3 over 4 x 4 places in 36
// multiplications in place of 144. Points 0, 1, -1, 2, -2 and infinity.
inline constexpr int64_t kWinogradOutputs = 4;
inline constexpr int64_t kWinogradInputs = 6;

// G g transpose(G): a window of 9 numbers, row by row, into 36. In double: it
// happens once, when packing.
void TransformWindow(const float* window, float* transformed);

}  // namespace layerd

#endif  // LAYERD_KERNELS_WINOGRAD_H_
