#include "kernels/cpu/sliced_layer.h"

#include <algorithm>

#include "kernels/cpu/parallel.h"
#include "kernels/cpu/staging.h"

namespace layerd::cpu {
namespace {

// What a block of tiles sees, of a second-level cache of 512 KiB.
constexpr int64_t kSeenBytes = 400 << 10;
// Fewer tiles have not enough to do while the next slice comes from memory.
constexpr int64_t kTilesLeast = 8;
// Of a slice. Each costs a tile some 60 cycles, and 256 products are 1536.
constexpr int64_t kRunsMost = 3;
// Products for each tile of the layer. The more tiles meet a panel, the less
// it matters how long the first of them waits for it.
constexpr int64_t kProductsOfTile = 32;
// A panel of more leaves little of that cache to what tiles see. Where they are
// many, slices pay off once many panels meet what a block saw first: with 16 of
// them, and not with 8.
constexpr int64_t kProductsOfManyTiles = 1024, kPanelsOfBlock = 16;
// Of fewer panels threads share out the tiles.
constexpr int64_t kPanelsOfThread = 8;

int64_t PixelsOf(const TiledLayer& layer) {
  return layer.images * layer.rows.count * layer.columns.count;
}

int64_t ProductsOf(const TiledLayer& layer) {
  return layer.rows.kernel * layer.columns.kernel * layer.inputs;
}

int64_t ProductsLeast(int64_t tile_count, int64_t panels) {
  const int64_t least = std::max(TileSet::kRun, kProductsOfTile * tile_count);
  return panels < kPanelsOfBlock ? least
                                 : std::min(least, kProductsOfManyTiles);
}

}  // namespace

bool SlicedLayer::PaysOff(const TiledLayer& layer, int64_t panel) {
  const TileSet& tiles = *Tiles();
  const int64_t tile_count = CeilOf(PixelsOf(layer), tiles.rows_max);
  return tiles.slice != nullptr && panel == tiles.panel &&
         layer.outputs % panel == 0 && AsClamp(layer.activation) &&
         !TileWindows::Gathers(layer) && layer.y_offsets.size() == 1 &&
         tile_count > 1 &&
         ProductsOf(layer) > ProductsLeast(tile_count, layer.outputs / panel);
}

SlicedLayer::SlicedLayer(const TiledLayer& layer, const TileWindows& windows,
                         const Clamp& clamp, bool streams)
    : layer_(layer),
      windows_(windows),
      clamp_(clamp),
      streams_(streams),
      taps_(layer.rows.kernel * layer.columns.kernel),
      products_(ProductsOf(layer)),
      pixels_(PixelsOf(layer)),
      tile_count_(CeilOf(pixels_, tiles_.rows_max)),
      panels_(layer.outputs / tiles_.panel) {
  PlanBlocks();
  PlanScratch();
  const int64_t most = kRunsMost * TileSet::kRun;
  for (int64_t first = 0; first < products_; first += most) {
    slices_.push_back({first, std::min(most, products_ - first),
                       first / layer.inputs, first % layer.inputs});
  }
}

// Windows of a block's rows reach over rows of other blocks.
void SlicedLayer::PlanBlocks() {
  const int64_t row_bytes =
      BytesOf({layer_.columns.count * layer_.columns.stride, layer_.inputs});
  const int64_t reach = (layer_.rows.kernel - 1) * layer_.rows.dilation;
  const int64_t tile_bytes =
      BytesOf({tiles_.rows_max * layer_.columns.stride * layer_.rows.stride,
               layer_.inputs});
  const int64_t most =
      std::max((kSeenBytes - reach * row_bytes) / tile_bytes, kTilesLeast);
  blocks_ = CeilOf(tile_count_, most);
  const int64_t threads = ThreadsMax();
  if (threads > 1 && panels_ < kPanelsOfThread * threads) {
    blocks_ = std::min(CeilOf(blocks_, threads) * threads, tile_count_);
  }
  tiles_max_ = CeilOf(tile_count_, blocks_);
}

void SlicedLayer::PlanScratch() {
  const int64_t places = tiles_max_ * tiles_.rows_max;
  const size_t pointers_bytes = places * sizeof(float*);
  ScratchPlan scratch;
  scratch.Take(taps_ * pointers_bytes);
  residual_offset_ = scratch.Take(pointers_bytes);
  y_offset_ = scratch.Take(pointers_bytes);
  sums_offset_ = scratch.Take(BytesOf({places, tiles_.panel}));
  thread_bytes_ = scratch.bytes();
}

size_t SlicedLayer::scratch_bytes() const {
  return ThreadsMax() * thread_bytes_;
}

SlicedLayer::Block SlicedLayer::BlockOfThread(std::byte* scratch) const {
  std::byte* const own = scratch + ThreadNow() * thread_bytes_;
  return {reinterpret_cast<const float**>(own),
          reinterpret_cast<const float**>(own + residual_offset_),
          reinterpret_cast<float**>(own + y_offset_),
          reinterpret_cast<float*>(own + sums_offset_)};
}

void SlicedLayer::Run(const TiledMemory& memory, int64_t work) const {
  ParallelRanges(blocks_ * panels_, work, [&](int64_t begin, int64_t end) {
    const Block tiles = BlockOfThread(memory.scratch);
    for (int64_t i = begin; i < end; ++i) {
      if (i == begin || i % panels_ == 0) Reach(memory, i / panels_, tiles);
      for (const Slice& slice : slices_) {
        RunSlice(memory, i / panels_, i % panels_, slice, tiles);
      }
    }
    if (streams_) tiles_.settle();
  });
}

void SlicedLayer::Reach(const TiledMemory& memory, int64_t block,
                        const Block& to) const {
  const int64_t first = FirstTileOf(block);
  const int64_t step = tiles_.rows_max;
  for (int64_t t = first; t < FirstTileOf(block + 1); ++t) {
    const int64_t at = (t - first) * step;
    const int64_t pixel = FirstPixelOf(t);
    const int64_t rows = FirstPixelOf(t + 1) - pixel;
    const OutputPlace start = windows_.PlaceOf(pixel);
    windows_.ReachTaps(memory.x, start, rows, to.x + at * taps_);
    windows_.Walk(layer_.y, memory.y, start, rows, to.y + at);
    if (memory.residual == nullptr) continue;
    windows_.Walk(layer_.residual, memory.residual, start, rows,
                  to.residual + at);
  }
}

// Each tile asks for its share of what lies behind the slice: the next one, of
// this panel or of the next.
void SlicedLayer::RunSlice(const TiledMemory& memory, int64_t block,
                           int64_t panel, const Slice& slice,
                           const Block& tiles) const {
  const int64_t first = FirstTileOf(block);
  const int64_t count = FirstTileOf(block + 1) - first;
  const int64_t step = tiles_.rows_max;
  const float* const weights =
      memory.weights + (panel * products_ + slice.first) * tiles_.panel;
  const float* next = weights + slice.count * tiles_.panel;
  const int64_t next_step =
      CeilOf(tiles_.panel * int64_t{sizeof(float)}, count);
  int64_t pixel = FirstPixelOf(first);
  for (int64_t t = 0; t < count; ++t) {
    const int64_t at = t * step;
    const int64_t rows = FirstPixelOf(first + t + 1) - pixel;
    pixel += rows;
    float* const* const y = tiles.y + at;
    const Tile tile = {
        .x = tiles.x + at * taps_ + slice.tap * rows,
        .taps = taps_,
        .depth = layer_.inputs,
        .weights = nullptr,
        .weights_step = tiles_.panel,
        .bias = memory.bias,
        .residual = memory.residual == nullptr ? nullptr : tiles.residual + at,
        .y = y,
        .channels = layer_.outputs,
        .low = clamp_.low,
        .high = clamp_.high,
        .streams = streams_ && IsLineOfCache(y[0])};
    tiles_.slice[rows - 1]({.tile = tile,
                            .first_input = slice.first_input,
                            .products = slice.count,
                            .channel = panel * tiles_.panel,
                            .weights = weights,
                            .sums = tiles.sums + at * tiles_.panel,
                            .is_first = slice.first == 0,
                            .is_last = slice.first + slice.count == products_,
                            .next = next,
                            .next_step = next_step});
    next += next_step * slice.count / sizeof(float);
  }
}

}  // namespace layerd::cpu
