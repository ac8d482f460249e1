#ifndef LAYERD_KERNELS_CPU_WINOGRAD_LAYER_H_
#define LAYERD_KERNELS_CPU_WINOGRAD_LAYER_H_

#include "kernels/cpu/tiled_layer.h"

namespace layerd::cpu {

// Convolutions of 3 x 3 by Winograd's F(4x4, 3x3) (kernels/winograd.h): the
// input goes to 36 points, at each of which a matrix product runs on tiles,
// and comes back. A fourth of the multiplications, four times the weights; the
// input's way is gone again in each part over channels, so extents want to be
// megabytes. Rounds otherwise than the direct sum, the same for every number
// of threads.

// Windows of 3 x 3, step 1, in whole vectors of channels.
bool FitsWinograd(const TiledLayer& layer);

// Whether it is faster here than the direct sum, by a table of what was
// measured (winograd_table.inc): packing itself times nothing. Asked of whole
// layers.
bool PaysOffAsWinograd(const TiledLayer& layer);

// REQUIRES: `layer` fits, and the weights are in WinogradLayout().
std::unique_ptr<CpuKernel> MakeWinograd(const TiledLayer& layer,
                                        const PartSpec& spec);

// Panel by panel, point by point, input by input. `shape` is [O, I, 3, 3].
WeightLayout WinogradLayout(const std::vector<int64_t>& shape);

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_WINOGRAD_LAYER_H_
