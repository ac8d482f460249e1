#ifndef LAYERD_KERNELS_CPU_TILED_LAYER_H_
#define LAYERD_KERNELS_CPU_TILED_LAYER_H_

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/cpu/cpu_kernel.h"
#include "kernels/cpu/tile.h"

namespace layerd::cpu {

// The tiles for this processor, or null: then the library computes.
const TileSet* Tiles();

// Output places along one dimension, and what their windows see of the input.
struct WindowSpan {
  int64_t inputs = 1;            // Size of the input.
  int64_t first = 0, count = 1;  // Of the output: the part's share.
  int64_t stride = 1, dilation = 1, pad = 0, kernel = 1;
};

// Where pixels lie whose channels are side by side. In elements.
struct PixelPlace {
  int64_t offset = 0;
  int64_t image = 0, row = 0, column = 0;  // Strides.
};

// Whether `type` has pixels at all, and where they lie from `channel` and `row`
// on; a line of pixels is a picture of one row.
bool ChannelsAreSideBySide(const TensorType& type);
PixelPlace PixelsOf(const TensorType& type, int64_t channel, int64_t row);

// A part of a convolution over a picture. A fully connected part is one of a
// single row, a pixel for each row of its matrix.
struct TiledLayer {
  int64_t images = 1;
  WindowSpan rows, columns;
  int64_t inputs = 0;   // Channels.
  int64_t outputs = 0;  // Channels of this part.
  PixelPlace x, y, residual;
  bool adds_residual = false;
  Activation activation;
  // One for each of several kernels that meet the same places, and whose
  // weights lie one behind the other: where its outputs lie, from y on.
  std::vector<int64_t> y_offsets = {0};
};

// False for windows of so many taps or inputs as no network has. It depends on
// neither the channels nor the rows of the part.
bool FitsTiles(const TiledLayer& layer);

// REQUIRES: Tiles() is not null, and `layer` fits.
std::unique_ptr<CpuKernel> MakeTiled(const TiledLayer& layer,
                                     const PartSpec& spec);

// Kernels as tiles read them: panels of output channels, and in each of them
// window by window, input by input. `shape` is [O, I, window...] or [N, K].
WeightLayout TiledLayout(const std::vector<int64_t>& shape);

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_TILED_LAYER_H_
