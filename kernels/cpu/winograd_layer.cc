#include "kernels/cpu/winograd_layer.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "kernels/cpu/clamp.h"
#include "kernels/cpu/parallel.h"
#include "kernels/cpu/rows.h"
#include "kernels/cpu/staging.h"
#include "kernels/cpu/winograd_rows.h"
#include "kernels/winograd.h"

namespace layerd::cpu {
namespace {

constexpr int64_t kPoints = kWinogradInputs * kWinogradInputs;
constexpr int64_t kPixels = kWinogradOutputs * kWinogradOutputs;
constexpr int64_t kRowsMax = TileSet::kRowsMax;

// Inputs at their points that are computed on at a time, but at least one
// tile's rows: half of a second-level cache of 1 MiB. Slices have one of 512
// KiB, and fetch weights anew for every so many: points cost less to fetch.
constexpr int64_t kPointsNearBytes = 512 << 10, kPointsOfSlicesBytes = 1 << 20;

constexpr int64_t kInputsMax = 4096;
alignas(64) constexpr float kZeros[kInputsMax] = {};

// Floats from point to point: an odd number of cache lines. Whole pages, which
// most layers would have, put all points of a square into one set of a
// first-level cache, and its way to them and back misses each.
int64_t StepOf(int64_t floats) {
  constexpr int64_t kLineFloats = 16;
  return (CeilOf(floats, kLineFloats) | 1) * kLineFloats;
}

// A square of 4 x 4 places of the output, from the part's first.
struct Square {
  int64_t image, row, column;
};

class WinogradKernel : public CpuKernel {
 public:
  WinogradKernel(const TiledLayer& layer, const PartSpec& spec);
  std::string implementation() const override { return "winograd:tiles"; }
  absl::Status Run(dnnl_stream_t stream, const PartMemory& memory) override;

 private:
  struct Memory {
    const float* x;
    const float* weights;
    const float* bias;
    const float* residual;
    float* y;
    float* points;    // Of the inputs: point, square, channel.
    float* products;  // Of each thread: point, square, channel of a panel.
  };

  Square SquareOf(int64_t s) const;
  void ToPoints(const Memory& memory, int64_t first, int64_t s) const;
  void RunPanel(const Memory& memory, int64_t first, int64_t begin, int64_t end,
                int64_t panel) const;
  void Multiply(const Memory& memory, int64_t begin, int64_t end, int64_t panel,
                float* products) const;
  void RunTile(int64_t rows, const Tile& tile, int64_t t, int64_t tiles) const;
  void FromPoints(const Memory& memory, const Square& square,
                  const float* products, int64_t panel) const;

  const TileSet& tiles_ = *Tiles();
  const TiledLayer layer_;
  std::optional<Clamp> clamp_;
  std::vector<uint64_t> weight_offsets_bytes_;
  int64_t panel_, panels_;
  int64_t squares_down_, squares_across_, squares_;
  int64_t chunk_;  // Squares that are at their points at a time.
  int64_t points_step_, products_step_;
  size_t points_offset_, products_offset_;
};

WinogradKernel::WinogradKernel(const TiledLayer& layer, const PartSpec& spec)
    : layer_(layer),
      clamp_(AsClamp(layer.activation)),
      panel_(spec.weights[0].layout.blocks[0].size),
      panels_(CeilOf(layer.outputs, panel_)),
      squares_down_(CeilOf(layer.rows.count, kWinogradOutputs)),
      squares_across_(CeilOf(layer.columns.count, kWinogradOutputs)),
      squares_(layer.images * squares_down_ * squares_across_) {
  for (const WeightPiece& piece : spec.weights) {
    weight_offsets_bytes_.push_back(piece.offset_bytes);
  }
  const int64_t near_bytes =
      tiles_.slice == nullptr ? kPointsNearBytes : kPointsOfSlicesBytes;
  const int64_t near = near_bytes / BytesOf({kPoints, layer.inputs});
  const int64_t most = std::max(near / kRowsMax, int64_t{1}) * kRowsMax;
  // A few more than fit beat a few that are alone.
  const int64_t chunks = std::max<int64_t>(squares_ * 4 / (most * 5), 1);
  chunk_ = CeilOf(squares_, chunks);
  points_step_ = StepOf(chunk_ * layer.inputs);
  products_step_ = StepOf(chunk_ * panel_);
  ScratchPlan scratch;
  points_offset_ = scratch.Take(BytesOf({kPoints, points_step_}));
  products_offset_ =
      scratch.Take(BytesOf({ThreadsMax(), kPoints, products_step_}));
  scratch_bytes_ = scratch.bytes();
}

absl::Status WinogradKernel::Run(dnnl_stream_t, const PartMemory& memory) {
  const auto floats = [](const std::byte* bytes) {
    return reinterpret_cast<const float*>(bytes);
  };
  const Memory own = {
      floats(memory.inputs[0]),
      floats(memory.weights + weight_offsets_bytes_[0]),
      weight_offsets_bytes_.size() > 1
          ? floats(memory.weights + weight_offsets_bytes_[1])
          : nullptr,
      layer_.adds_residual ? floats(memory.inputs[1]) : nullptr,
      reinterpret_cast<float*>(memory.outputs[0]),
      reinterpret_cast<float*>(memory.scratch + points_offset_),
      reinterpret_cast<float*>(memory.scratch + products_offset_)};
  // Where there are fewer panels than threads, squares are shared out too.
  const int64_t shares = CeilOf(ThreadsMax(), panels_);
  for (int64_t first = 0; first < squares_; first += chunk_) {
    const int64_t count = std::min(chunk_, squares_ - first);
    const int64_t work = count * kPoints * layer_.inputs;
    ParallelRanges(count, work, [&](int64_t begin, int64_t end) {
      for (int64_t s = begin; s < end; ++s) ToPoints(own, first, s);
    });
    ParallelRanges(panels_ * shares, work * panels_,
                   [&](int64_t begin, int64_t end) {
                     for (int64_t item = begin; item < end; ++item) {
                       const int64_t share = item % shares;
                       RunPanel(own, first, count * share / shares,
                                count * (share + 1) / shares, item / shares);
                     }
                   });
  }
  return absl::OkStatus();
}

Square WinogradKernel::SquareOf(int64_t s) const {
  const int64_t row = s / squares_across_;
  return {row / squares_down_, row % squares_down_ * kWinogradOutputs,
          s % squares_across_ * kWinogradOutputs};
}

// Square `s` of the chunk from `first` on.
void WinogradKernel::ToPoints(const Memory& memory, int64_t first,
                              int64_t s) const {
  const Square square = SquareOf(first + s);
  const int64_t row = layer_.rows.first + square.row - layer_.rows.pad;
  const int64_t column =
      layer_.columns.first + square.column - layer_.columns.pad;
  const float* const image =
      memory.x + layer_.x.offset + square.image * layer_.x.image;
  const float* pixels[kPoints];
  for (int64_t i = 0; i < kWinogradInputs; ++i) {
    for (int64_t j = 0; j < kWinogradInputs; ++j) {
      const bool seen = row + i >= 0 && row + i < layer_.rows.inputs &&
                        column + j >= 0 && column + j < layer_.columns.inputs;
      pixels[i * kWinogradInputs + j] = seen
                                            ? image + (row + i) * layer_.x.row +
                                                  (column + j) * layer_.x.column
                                            : kZeros;
    }
  }
  TransformInput(pixels, layer_.inputs, memory.points + s * layer_.inputs,
                 points_step_);
}

void WinogradKernel::RunPanel(const Memory& memory, int64_t first,
                              int64_t begin, int64_t end, int64_t panel) const {
  float* const products =
      memory.products + ThreadNow() * kPoints * products_step_;
  Multiply(memory, begin, end, panel, products);
  for (int64_t s = begin; s < end; ++s) {
    FromPoints(memory, SquareOf(first + s), products + s * panel_, panel);
  }
}

// Point by point, so that its weights are read once for all squares.
void WinogradKernel::Multiply(const Memory& memory, int64_t begin, int64_t end,
                              int64_t panel, float* products) const {
  const int64_t inputs = layer_.inputs;
  const int64_t tiles = CeilOf(end - begin, tiles_.rows_max);
  const float* x[kRowsMax];
  float* y[kRowsMax];
  const Clamp none;
  for (int64_t point = 0; point < kPoints; ++point) {
    const float* const from = memory.points + point * points_step_;
    float* const to = products + point * products_step_;
    for (int64_t t = 0; t < tiles; ++t) {
      const int64_t s = begin + (end - begin) * t / tiles;
      const int64_t rows = begin + (end - begin) * (t + 1) / tiles - s;
      for (int64_t r = 0; r < rows; ++r) {
        x[r] = from + (s + r) * inputs;
        y[r] = to + (s + r) * panel_;
      }
      RunTile(rows,
              {.x = x,
               .taps = 1,
               .depth = inputs,
               .weights =
                   memory.weights + (panel * kPoints + point) * inputs * panel_,
               .weights_step = panel_,
               .bias = nullptr,
               .residual = nullptr,
               .y = y,
               .channels = panel_,
               .low = none.low,
               .high = none.high,
               .weights_are_near = t > 0},
              t, tiles);
    }
  }
}

// Tile `t` of those that meet a point. Where there are slices each of them asks
// for its share of the next point's weights, and not the first for all: that
// one would wait for memory.
void WinogradKernel::RunTile(int64_t rows, const Tile& tile, int64_t t,
                             int64_t tiles) const {
  if (tiles_.slice == nullptr || panel_ != tiles_.panel) {
    return tiles_.Run(rows, tile);
  }
  alignas(64) float sums[kRowsMax * TileSet::kPanelMax];
  const int64_t next_step = CeilOf(panel_ * int64_t{sizeof(float)}, tiles);
  const float* const next = tile.weights + tile.depth * panel_ +
                            t * next_step * tile.depth / int64_t{sizeof(float)};
  tiles_.slice[rows - 1]({.tile = tile,
                          .first_input = 0,
                          .products = tile.depth,
                          .channel = 0,
                          .weights = tile.weights,
                          .sums = sums,
                          .is_first = true,
                          .is_last = true,
                          .next = next,
                          .next_step = next_step});
}

void WinogradKernel::FromPoints(const Memory& memory, const Square& square,
                                const float* products, int64_t panel) const {
  const int64_t channel = panel * panel_;
  const auto at = [&](const PixelPlace& place, int64_t i, int64_t j) {
    return place.offset + square.image * place.image +
           (square.row + i) * place.row + (square.column + j) * place.column +
           channel;
  };
  float* y[kPixels];
  const float* residual[kPixels] = {};
  for (int64_t p = 0; p < kPixels; ++p) {
    const int64_t i = p / kWinogradOutputs;
    const int64_t j = p % kWinogradOutputs;
    y[p] = nullptr;
    if (square.row + i >= layer_.rows.count ||
        square.column + j >= layer_.columns.count) {
      continue;
    }
    y[p] = memory.y + at(layer_.y, i, j);
    if (memory.residual != nullptr) {
      residual[p] = memory.residual + at(layer_.residual, i, j);
    }
  }
  const Clamp clamp = clamp_.value_or(Clamp{});
  const int64_t channels = std::min(panel_, layer_.outputs - channel);
  TransformOutput(
      {.from = products,
       .step = products_step_,
       .channels = channels,
       .bias = memory.bias == nullptr ? nullptr : memory.bias + channel,
       .residual = memory.residual == nullptr ? nullptr : residual,
       .y = y,
       .low = clamp.low,
       .high = clamp.high});
  if (clamp_) return;
  for (float* const pixel : y) {
    if (pixel != nullptr) {
      ActivateRow(layer_.activation, pixel, pixel, channels);
    }
  }
}

// One measured layer: `gain` is the direct time over Winograd's.
struct Measured {
  std::string_view tiles;
  int64_t inputs, outputs, size;
  double gain;
};
constexpr Measured kMeasured[] = {
#include "kernels/cpu/winograd_table.inc"
};

}  // namespace

bool FitsWinograd(const TiledLayer& layer) {
  const auto fits = [](const WindowSpan& span) {
    return span.kernel == 3 && span.stride == 1 && span.dilation == 1;
  };
  return Tiles() != nullptr && fits(layer.rows) && fits(layer.columns) &&
         layer.inputs % kWinogradLanes == 0 &&
         layer.outputs % kWinogradLanes == 0 && layer.inputs <= kInputsMax;
}

// By the class of the layer: the largest measured one that it is not smaller
// than in any way.
bool PaysOffAsWinograd(const TiledLayer& layer) {
  const int64_t size = std::min(layer.rows.count, layer.columns.count);
  const Measured* best = nullptr;
  for (const Measured& measured : kMeasured) {
    if (measured.tiles != Tiles()->name || measured.inputs > layer.inputs ||
        measured.outputs > layer.outputs || measured.size > size) {
      continue;
    }
    if (best == nullptr || measured.inputs * measured.outputs * measured.size >
                               best->inputs * best->outputs * best->size) {
      best = &measured;
    }
  }
  // It brings four times the bytes: for nothing, it is not taken.
  constexpr double kGainLeast = 1.15;
  return best != nullptr && best->gain >= kGainLeast;
}

std::unique_ptr<CpuKernel> MakeWinograd(const TiledLayer& layer,
                                        const PartSpec& spec) {
  return std::make_unique<WinogradKernel>(layer, spec);
}

WeightLayout WinogradLayout(const std::vector<int64_t>& shape) {
  WeightLayout layout = TiledLayout(shape);
  layout.transform = WeightLayout::Transform::kWinograd;
  layout.padded_shape[2] = layout.padded_shape[3] = kWinogradInputs;
  layout.strides[3] = layout.strides[1] * shape[1];
  layout.strides[2] = layout.strides[3] * kWinogradInputs;
  layout.strides[0] = layout.strides[2] * kWinogradInputs;
  return layout;
}

}  // namespace layerd::cpu
