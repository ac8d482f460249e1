#ifndef LAYERD_KERNELS_CPU_TILE_H_
#define LAYERD_KERNELS_CPU_TILE_H_

#include <cstdint>

namespace layerd::cpu {

// Weights as they are stored, for the first tile that meets them: it widens
// them on its way, multiplies them, and leaves them for the tiles behind it, or
// for nobody. Decoding by itself waits for memory, where multiplying has time
// to spare.
struct NarrowWeights {
  enum class Type { kF16, kBF16, kI8 };

  Type type;
  const void* from;     // In the places of the weights they become.
  const float* scales;  // Of the panel's channels; null unless I8.
  float* to;            // The tile's weights, or a row to write over.
  int64_t to_step;      // The tile's, or 0 for that row.
};

// One block of an output that stays in registers: up to 14 places (pixels, or
// rows of a matrix) by one panel of output channels (32 on AVX-512); and panel
// after panel of them that meet the same places.
//
//     y[r] = clamp(bias + sum over taps, depth: x[tap][r][d] * w[tap][d][...]
//                  + residual[r])
//
// Why our own: every place is an address, so padding is a row of zeros, a
// stride or a range of channels costs nothing on either side, and a residual
// is added before anything is stored. Sums run in one order, whatever the cut
// and the number of threads: the same bits.
//
// Threading: pure.
struct Tile {
  const float* const* x;  // Addresses of `depth` floats: taps x rows of them.
  int64_t taps;
  int64_t depth;
  const float* weights;          // Panel by panel, and in each of them
                                 // taps x depth rows, weights_step apart.
  int64_t weights_step;          // The panel's width.
  const float* bias;             // Null: zero.
  const float* const* residual;  // Of each row; null: none.
  float* const* y;               // Of each row.
  int64_t channels;              // That are stored: of one panel or several.
  float low, high;
  // Of one panel. Null: the weights are there.
  const NarrowWeights* narrow = nullptr;
  // A tile before this one has met them: asking for what is ahead only takes
  // loads from multiplying.
  bool weights_are_near = false;
  // What the tile behind this one reads first: lines of the cache from here on,
  // so many with each tap.
  const float* next = nullptr;
  int64_t next_lines = 0;
  bool streams = false;  // Past the caches: y is larger than they are.
};

// What may be streamed begins so.
inline bool IsLineOfCache(const float* memory) {
  return reinterpret_cast<uintptr_t>(memory) % 64 == 0;
}

using TileFunction = void (*)(const Tile&);

// Some of a tile's products, runs of them: a panel is met slice by slice, and
// each slice by tile after tile. So what is near is a slice of the weights and
// what a few tiles see, however many inputs there are; and weights come from
// memory little by little, where the first tile would wait for all of them.
// Slice after slice, the bits are those of the tile by itself.
struct TileSlice {
  const Tile& tile;        // Its x begin with the tap of the first product.
  int64_t first_input;     // Of that tap.
  int64_t products;        // A multiple of TileSet::kRun, but for the last.
  int64_t channel;         // The panel's first, of the tile's.
  const float* weights;    // Of the first product.
  float* sums;             // rows x panel, between one slice and the next.
  bool is_first, is_last;  // Of the tile.
  const float* next;       // What is asked for meanwhile, so many bytes by the
  int64_t next_step;       // product.
};

using SliceFunction = void (*)(const TileSlice&);

// Measured, on a processor of the instruction set.
struct CacheShares {
  // What of a second-level cache is left to weights: panels up to that stay in
  // it while tiles pass.
  int64_t weights_near_bytes;
  // A larger output is written past the caches: it would drive out of them what
  // the layer reads, and be gone itself when the next one begins. One of many
  // products may be smaller.
  int64_t streamed_bytes, streamed_of_many_bytes;
};

// The tiles of one instruction set.
struct TileSet {
  static constexpr int64_t kRowsMax = 14;
  static constexpr int64_t kPanelMax = 32;
  static constexpr int64_t kRun = 256;  // Products that are summed in one go.

  const char* name;  // "tiles:avx512".
  int64_t rows_max;  // Of a tile.
  int64_t panel;     // Output channels side by side.
  CacheShares caches;
  const TileFunction* whole;  // By rows, from 1.
  const TileFunction* half;   // The same for half a panel.
  // The same for weights that are narrow, by their type.
  const TileFunction* narrow_whole[3];
  const TileFunction* narrow_half[3];
  void (*settle)();  // What has been streamed is there for other threads.
  const SliceFunction* slice;  // By rows, of whole panels. Null: there is none.

  void Run(int64_t rows, const Tile& tile) const {
    const bool is_half = tile.channels * 2 <= panel;
    if (tile.narrow == nullptr) {
      return (is_half ? half : whole)[rows - 1](tile);
    }
    const auto type = static_cast<int>(tile.narrow->type);
    (is_half ? narrow_half : narrow_whole)[type][rows - 1](tile);
  }
};

// Null where the compiler was not asked for that instruction set.
const TileSet* Avx512Tiles();
const TileSet* Avx2Tiles();
const TileSet* NeonTiles();

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_TILE_H_
