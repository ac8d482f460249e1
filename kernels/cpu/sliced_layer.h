#ifndef LAYERD_KERNELS_CPU_SLICED_LAYER_H_
#define LAYERD_KERNELS_CPU_SLICED_LAYER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/cpu/clamp.h"
#include "kernels/cpu/tile.h"
#include "kernels/cpu/tile_windows.h"
#include "kernels/cpu/tiled_layer.h"

namespace layerd::cpu {

// What a kernel of tiles computes on.
struct TiledMemory {
  const float* x;
  const float* weights;
  const float* bias;
  const float* residual;
  float* y;
  std::byte* scratch;
};

// A layer of many inputs, slice by slice (tile.h): a block of tiles, whose
// inputs stay in a second-level cache, meets panel after panel, and of each of
// them slice after slice. Tiles that take a panel's weights all at once wait
// for memory in the first of them, and drive what they see out of that cache.
//
// Threading: Run() is for one thread at a time; it takes a team's.
class SlicedLayer {
 public:
  static bool PaysOff(const TiledLayer& layer, int64_t panel);

  // `windows` outlives it. REQUIRES: PaysOff() with the panel's width.
  SlicedLayer(const TiledLayer& layer, const TileWindows& windows,
              const Clamp& clamp, bool streams);

  size_t scratch_bytes() const;  // Of all threads.
  void Run(const TiledMemory& memory, int64_t work) const;

 private:
  struct Slice {
    int64_t first, count;      // Products.
    int64_t tap, first_input;  // Of the first.
  };
  // What tiles of a block see and write, and their sums.
  struct Block {
    const float** x;
    const float** residual;
    float** y;
    float* sums;
  };

  void PlanBlocks();
  void PlanScratch();
  Block BlockOfThread(std::byte* scratch) const;
  int64_t FirstPixelOf(int64_t tile) const {
    return pixels_ * tile / tile_count_;
  }
  int64_t FirstTileOf(int64_t block) const {
    return tile_count_ * block / blocks_;
  }
  void Reach(const TiledMemory& memory, int64_t block, const Block& to) const;
  void RunSlice(const TiledMemory& memory, int64_t block, int64_t panel,
                const Slice& slice, const Block& tiles) const;

  const TileSet& tiles_ = *Tiles();
  const TiledLayer layer_;
  const TileWindows& windows_;
  const Clamp clamp_;
  const bool streams_;
  const int64_t taps_, products_;
  const int64_t pixels_, tile_count_, panels_;
  int64_t blocks_, tiles_max_;  // Of a block.
  std::vector<Slice> slices_;
  size_t residual_offset_ = 0, y_offset_ = 0, sums_offset_ = 0;
  size_t thread_bytes_ = 0;
};

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_SLICED_LAYER_H_
