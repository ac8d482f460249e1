#ifndef LAYERD_KERNELS_CPU_SHARED_TILE_H_
#define LAYERD_KERNELS_CPU_SHARED_TILE_H_

#include <cstddef>
#include <cstdint>

#include "kernels/cpu/tile.h"

namespace layerd::cpu {

// One tile for all threads. A fully connected part is often a single panel of
// a megabyte, and one thread alone waits for memory (18 GB/s where two get 30).
// So threads share out runs of its products: a run's sums do not depend on the
// others, and they are added up in the order of the tile by itself. The same
// bits.

size_t SharedTileBytes(int64_t rows, int64_t depth, int64_t channels);

// As tiles.Run(rows, tile). `sums` are SharedTileBytes(), `work` is what
// ParallelRanges() is told.
// REQUIRES: one tap, nothing narrow, nothing that streams.
void RunSharedTile(const TileSet& tiles, int64_t rows, const Tile& tile,
                   int64_t work, float* sums);

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_SHARED_TILE_H_
