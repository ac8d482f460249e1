#include "kernels/cpu/shared_tile.h"

#include <algorithm>
#include <limits>

#include "kernels/cpu/parallel.h"
#include "kernels/cpu/staging.h"

namespace layerd::cpu {
namespace {

// The sums of run `run`, row by row, and channels side by side.
void SumRun(const TileSet& tiles, int64_t rows, const Tile& tile, int64_t run,
            float* to) {
  constexpr float kMost = std::numeric_limits<float>::infinity();
  const int64_t first = run * TileSet::kRun;
  const float* x[TileSet::kRowsMax];
  float* y[TileSet::kRowsMax];
  for (int64_t r = 0; r < rows; ++r) x[r] = tile.x[r] + first;
  Tile part = tile;
  part.x = x;
  part.y = y;
  part.depth = std::min(TileSet::kRun, tile.depth - first);
  part.residual = nullptr;
  part.low = -kMost;
  part.high = kMost;
  for (int64_t channel = 0; channel < tile.channels;
       channel += tile.weights_step) {
    for (int64_t r = 0; r < rows; ++r) y[r] = to + r * tile.channels + channel;
    part.weights =
        tile.weights + channel * tile.depth + first * tile.weights_step;
    part.bias = tile.bias == nullptr || run > 0 ? nullptr : tile.bias + channel;
    part.channels = std::min(tile.weights_step, tile.channels - channel);
    tiles.Run(rows, part);
  }
}

// In the order of the runs, then the residual: as a tile does.
void AddUp(const Tile& tile, int64_t runs, int64_t run_step, int64_t row,
           float* sums) {
  const int64_t channels = tile.channels;
  for (int64_t run = 1; run < runs; ++run) {
    const float* const more = sums + run * run_step;
    for (int64_t c = 0; c < channels; ++c) sums[c] += more[c];
  }
  float* const to = tile.y[row];
  for (int64_t c = 0; c < channels; ++c) {
    float y = sums[c];
    if (tile.residual != nullptr) y += tile.residual[row][c];
    y = y < tile.low ? tile.low : y;  // Not a number stays so.
    to[c] = y > tile.high ? tile.high : y;
  }
}

}  // namespace

size_t SharedTileBytes(int64_t rows, int64_t depth, int64_t channels) {
  return BytesOf({CeilOf(depth, TileSet::kRun), rows, channels});
}

void RunSharedTile(const TileSet& tiles, int64_t rows, const Tile& tile,
                   int64_t work, float* sums) {
  const int64_t runs = CeilOf(tile.depth, TileSet::kRun);
  const int64_t run_step = rows * tile.channels;
  ParallelRanges(runs, work, [&](int64_t begin, int64_t end) {
    for (int64_t run = begin; run < end; ++run) {
      SumRun(tiles, rows, tile, run, sums + run * run_step);
    }
  });
  for (int64_t r = 0; r < rows; ++r) {
    AddUp(tile, runs, run_step, r, sums + r * tile.channels);
  }
}

}  // namespace layerd::cpu
