#include "kernels/cpu/tiled_layer.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "kernels/cpu/clamp.h"
#include "kernels/cpu/parallel.h"
#include "kernels/cpu/rows.h"
#include "kernels/cpu/staging.h"
#include "kernels/cpu/weight_decoder.h"

namespace layerd::cpu {
namespace {

constexpr int64_t kRowsMax = TileSet::kRowsMax;

// What a window sees of the padding. No layer has more inputs in reach of it.
constexpr int64_t kZerosMax = 16 << 10;
alignas(64) constexpr float kZeros[kZerosMax] = {};

// Windows of so few inputs are copied together where they reach the padding:
// a tap of three inputs costs more to set up than to multiply.
constexpr int64_t kFewInputs = 16;

// Taps of the others; no layer of a network comes near.
constexpr int64_t kTapsMax = 128;

// Half of a second-level cache: weights up to that stay near while each tile
// meets all of them. Of larger ones a panel stays near while all tiles pass.
constexpr int64_t kWeightsNearBytes = 512 << 10;

// 50 operations a nanosecond on one thread: less makes no part.
constexpr int64_t kFlopsOfElement = 50;

// The places of one tile.
struct Place {
  int64_t image, row, column;  // Of the output, from the part's first.
};

class TiledKernel : public CpuKernel {
 public:
  TiledKernel(const TiledLayer& layer, const PartSpec& spec);
  std::string implementation() const override { return tiles_.name; }
  bool TakeDecoder(const WeightDecoder* decoder) override;
  absl::Status Run(dnnl_stream_t stream, const PartMemory& memory) override;

 private:
  struct Pointers;
  struct Memory {
    const float* x;
    const float* weights;
    const float* bias;
    const float* residual;
    float* y;
    std::byte* scratch;
    const std::byte* narrow;  // The weights as stored; null: decoded.
    const float* scales;
  };

  void PlanItems();
  // Where the weights lie decoded, once whoever computes needs them.
  const std::byte* DecodedWeights(const PartMemory& memory) const;
  void RunItem(const Memory& memory, int64_t item, float* gathered) const;
  void RunPanel(const Memory& memory, int64_t panel, int64_t rows,
                Pointers& pointers, Tile& tile) const;
  NarrowWeights NarrowPanel(const Memory& memory, int64_t channel) const;
  // Fills in taps, depth and x.
  void Reach(const Memory& memory, std::span<const Place> places,
             float* gathered, Pointers& pointers, Tile& tile) const;
  bool IsInside(const Place& place) const;
  void Gather(const float* x, const Place& place, float* to) const;
  // `pixel` and those behind it.
  void PlaceAll(int64_t pixel, std::span<Place> places) const;
  int64_t At(const PixelPlace& to, const Place& place) const {
    return to.offset + place.image * to.image + place.row * to.row +
           place.column * to.column;
  }

  const TileSet& tiles_ = *Tiles();
  const TiledLayer layer_;
  std::vector<uint64_t> weight_offsets_bytes_;
  const WeightDecoder* decoder_ = nullptr;  // Null: weights are stored as F32.
  std::optional<Clamp> clamp_;
  int64_t taps_;
  bool has_padding_;
  bool joins_columns_;  // The columns of a window are one run of floats.
  bool gathers_;
  int64_t panel_;
  int64_t pixels_, tile_count_, panels_;
  int64_t panels_of_item_ = 1;  // That a tile meets in one go.
  int64_t work_ = 0;
  int64_t gathered_bytes_ = 0;  // Of each thread.
};

struct TiledKernel::Pointers {
  std::array<const float*, kTapsMax * kRowsMax> x;
  std::array<const float*, kRowsMax> residual;
  std::array<float*, kRowsMax> y;
};

bool IsPadded(const WindowSpan& span) {
  const int64_t last = (span.first + span.count - 1) * span.stride - span.pad +
                       (span.kernel - 1) * span.dilation;
  return span.first * span.stride < span.pad || last >= span.inputs;
}

// A picture whose every pixel is computed from one pixel, and that lies without
// gaps, is one row of them.
TiledLayer Flat(const TiledLayer& layer) {
  const auto is_flat = [&](const PixelPlace& place) {
    return place.row == place.column * layer.columns.count &&
           (layer.images == 1 || place.image == place.row * layer.rows.count);
  };
  const auto is_plain = [](const WindowSpan& span) {
    return span.kernel == 1 && span.stride == 1 && span.pad == 0;
  };
  if (!is_plain(layer.rows) || !is_plain(layer.columns) ||
      layer.columns.first != 0 || layer.columns.count != layer.columns.inputs ||
      (layer.images > 1 && layer.rows.count != layer.rows.inputs) ||
      !is_flat(layer.x) || !is_flat(layer.y) ||
      (layer.adds_residual && !is_flat(layer.residual))) {
    return layer;
  }
  TiledLayer flat = layer;
  flat.x.offset += layer.rows.first * layer.x.row;
  flat.images = 1;
  flat.rows = {};
  flat.columns = {};
  flat.columns.count = layer.images * layer.rows.count * layer.columns.count;
  flat.columns.inputs = flat.columns.count;
  return flat;
}

TiledKernel::TiledKernel(const TiledLayer& layer, const PartSpec& spec)
    : layer_(layer),
      clamp_(AsClamp(layer.activation)),
      taps_(layer.rows.kernel * layer.columns.kernel),
      has_padding_(IsPadded(layer.rows) || IsPadded(layer.columns)),
      joins_columns_(layer.columns.dilation == 1 &&
                     layer.x.column == layer.inputs),
      gathers_(layer.inputs <= kFewInputs &&
               (has_padding_ || taps_ > kTapsMax)),
      panel_(spec.weights[0].layout.blocks[0].size),
      pixels_(layer.images * layer.rows.count * layer.columns.count) {
  for (const WeightPiece& piece : spec.weights) {
    weight_offsets_bytes_.push_back(piece.offset_bytes);
  }
  tile_count_ = (pixels_ + tiles_.rows_max - 1) / tiles_.rows_max;
  panels_ = (layer.outputs + panel_ - 1) / panel_;
  PlanItems();
  if (gathers_) {
    gathered_bytes_ = BytesOf({kRowsMax, taps_, layer.inputs});
    scratch_bytes_ = ThreadsMax() * gathered_bytes_;
  }
}

void TiledKernel::PlanItems() {
  constexpr int64_t kItemsOfThread = 4;
  const int64_t depth = taps_ * layer_.inputs;
  work_ = 2 * pixels_ * layer_.outputs * depth / kFlopsOfElement;
  if (BytesOf({layer_.outputs, depth}) > kWeightsNearBytes) return;
  const int64_t wanted = ThreadsMax() == 1 ? 1 : ThreadsMax() * kItemsOfThread;
  const int64_t groups =
      std::min(panels_, (wanted + tile_count_ - 1) / tile_count_);
  panels_of_item_ = (panels_ + groups - 1) / groups;
}

// Tiles widen, and the only scales they know are those of I8.
bool TiledKernel::TakeDecoder(const WeightDecoder* decoder) {
  const bool is_scaled = decoder->is_scaled();
  if (is_scaled != (decoder->dtype() == DataType::kI8)) return false;
  decoder_ = decoder;
  return true;
}

// With one thread the first tile of each panel decodes it. Several would write
// the same panel.
const std::byte* TiledKernel::DecodedWeights(const PartMemory& memory) const {
  if (decoder_ == nullptr) return memory.weights;
  if (ThreadsMax() == 1) {
    decoder_->CopyOthers(memory.weights, memory.decoded);
  } else {
    decoder_->Decode(memory.weights, memory.decoded);
  }
  return memory.decoded;
}

absl::Status TiledKernel::Run(dnnl_stream_t, const PartMemory& memory) {
  const std::byte* const weights = DecodedWeights(memory);
  const bool decodes = decoder_ != nullptr && ThreadsMax() == 1;
  const auto floats = [](const std::byte* bytes) {
    return reinterpret_cast<const float*>(bytes);
  };
  const Memory own = {floats(memory.inputs[0]),
                      floats(weights + weight_offsets_bytes_[0]),
                      weight_offsets_bytes_.size() > 1
                          ? floats(weights + weight_offsets_bytes_[1])
                          : nullptr,
                      layer_.adds_residual ? floats(memory.inputs[1]) : nullptr,
                      reinterpret_cast<float*>(memory.outputs[0]),
                      memory.scratch,
                      decodes ? decoder_->KernelIn(memory.weights) : nullptr,
                      decodes ? decoder_->ScalesIn(memory.weights) : nullptr};
  const int64_t groups = (panels_ + panels_of_item_ - 1) / panels_of_item_;
  ParallelRanges(tile_count_ * groups, work_, [&](int64_t begin, int64_t end) {
    auto* gathered =
        reinterpret_cast<float*>(own.scratch + ThreadNow() * gathered_bytes_);
    for (int64_t item = begin; item < end; ++item) {
      RunItem(own, item, gathered);
    }
  });
  return absl::OkStatus();
}

void TiledKernel::PlaceAll(int64_t pixel, std::span<Place> places) const {
  const int64_t columns = layer_.columns.count;
  const int64_t row = pixel / columns;
  places[0] = {row / layer_.rows.count, row % layer_.rows.count,
               pixel % columns};
  for (size_t r = 1; r < places.size(); ++r) {
    places[r] = places[r - 1];
    if (++places[r].column < columns) continue;
    places[r].column = 0;
    if (++places[r].row < layer_.rows.count) continue;
    places[r].row = 0;
    ++places[r].image;
  }
}

// Items go panel by panel, or group by group of them.
void TiledKernel::RunItem(const Memory& memory, int64_t item,
                          float* gathered) const {
  const int64_t group = item / tile_count_;
  const int64_t t = item % tile_count_;
  const int64_t begin = pixels_ * t / tile_count_;
  const int64_t rows = pixels_ * (t + 1) / tile_count_ - begin;
  Place places[kRowsMax];
  PlaceAll(begin, {places, static_cast<size_t>(rows)});
  Pointers pointers;
  for (int64_t r = 0; r < rows; ++r) {
    pointers.y[r] = memory.y + At(layer_.y, places[r]);
    if (memory.residual == nullptr) continue;
    pointers.residual[r] = memory.residual + At(layer_.residual, places[r]);
  }
  Tile tile = {.x = pointers.x.data(),
               .taps = taps_,
               .depth = layer_.inputs,
               .weights = memory.weights,
               .weights_step = panel_,
               .bias = nullptr,
               .residual = memory.residual == nullptr
                               ? nullptr
                               : pointers.residual.data(),
               .y = pointers.y.data(),
               .channels = panel_,
               .low = clamp_.value_or(Clamp{}).low,
               .high = clamp_.value_or(Clamp{}).high};
  Reach(memory, {places, static_cast<size_t>(rows)}, gathered, pointers, tile);
  const int64_t first = group * panels_of_item_;
  const int64_t end = std::min(panels_, first + panels_of_item_);
  for (int64_t r = 0; r < rows; ++r) {
    pointers.y[r] += first * panel_;
    if (memory.residual != nullptr) pointers.residual[r] += first * panel_;
  }
  NarrowWeights narrow;
  for (int64_t panel = first; panel < end; ++panel) {
    if (memory.narrow != nullptr && t == 0) {
      narrow = NarrowPanel(memory, panel * panel_);
      tile.narrow = &narrow;
    }
    RunPanel(memory, panel, rows, pointers, tile);
  }
}

NarrowWeights TiledKernel::NarrowPanel(const Memory& memory,
                                       int64_t channel) const {
  using Type = NarrowWeights::Type;
  const DataType dtype = decoder_->dtype();
  const int64_t at = channel * taps_ * layer_.inputs;
  // The memory is the executor's scratch; only we see it as constant.
  return {dtype == DataType::kF16    ? Type::kF16
          : dtype == DataType::kBF16 ? Type::kBF16
                                     : Type::kI8,
          memory.narrow + at * static_cast<int64_t>(SizeOf(dtype)),
          memory.scales == nullptr ? nullptr : memory.scales + channel,
          const_cast<float*>(memory.weights) + at};
}

// Leaves the pointers at the next panel.
void TiledKernel::RunPanel(const Memory& memory, int64_t panel, int64_t rows,
                           Pointers& pointers, Tile& tile) const {
  const int64_t channel = panel * panel_;
  tile.weights = memory.weights + channel * taps_ * layer_.inputs;
  tile.bias = memory.bias == nullptr ? nullptr : memory.bias + channel;
  tile.channels = std::min(panel_, layer_.outputs - channel);
  tiles_.Run(rows, tile);
  for (int64_t r = 0; r < rows; ++r) {
    if (!clamp_) {
      ActivateRow(layer_.activation, pointers.y[r], pointers.y[r],
                  tile.channels);
    }
    pointers.y[r] += panel_;
    if (memory.residual != nullptr) pointers.residual[r] += panel_;
  }
}

bool TiledKernel::IsInside(const Place& place) const {
  const auto inside = [](const WindowSpan& span, int64_t at) {
    const int64_t first = (span.first + at) * span.stride - span.pad;
    return first >= 0 &&
           first + (span.kernel - 1) * span.dilation < span.inputs;
  };
  return inside(layer_.rows, place.row) && inside(layer_.columns, place.column);
}

void TiledKernel::Reach(const Memory& memory, std::span<const Place> places,
                        float* gathered, Pointers& pointers, Tile& tile) const {
  const WindowSpan& rows = layer_.rows;
  const WindowSpan& columns = layer_.columns;
  const PixelPlace& x = layer_.x;
  const size_t count = places.size();
  const bool inside =
      !has_padding_ || std::all_of(places.begin(), places.end(),
                                   [&](const Place& p) { return IsInside(p); });
  if (gathers_ && !(inside && joins_columns_)) {
    tile.taps = 1;
    tile.depth = taps_ * layer_.inputs;
    for (size_t r = 0; r < count; ++r) {
      float* const to = gathered + r * tile.depth;
      Gather(memory.x, places[r], to);
      pointers.x[r] = to;
    }
    return;
  }
  const bool joins = inside && joins_columns_;
  const int64_t across = joins ? 1 : columns.kernel;
  if (joins) {
    tile.taps = rows.kernel;
    tile.depth = columns.kernel * layer_.inputs;
  }
  int64_t first_row[kRowsMax], first_column[kRowsMax];
  const float* first[kRowsMax];
  for (size_t r = 0; r < count; ++r) {
    first_row[r] = (rows.first + places[r].row) * rows.stride - rows.pad;
    first_column[r] =
        (columns.first + places[r].column) * columns.stride - columns.pad;
    first[r] = memory.x + x.offset + places[r].image * x.image +
               first_row[r] * x.row + first_column[r] * x.column;
  }
  const float** to = pointers.x.data();
  for (int64_t i = 0; i < rows.kernel; ++i) {
    const int64_t down = i * rows.dilation;
    for (int64_t j = 0; j < across; ++j, to += count) {
      const int64_t right = j * columns.dilation;
      const int64_t step = down * x.row + right * x.column;
      if (inside) {
        for (size_t r = 0; r < count; ++r) to[r] = first[r] + step;
        continue;
      }
      for (size_t r = 0; r < count; ++r) {
        const bool seen = static_cast<uint64_t>(first_row[r] + down) <
                              static_cast<uint64_t>(rows.inputs) &&
                          static_cast<uint64_t>(first_column[r] + right) <
                              static_cast<uint64_t>(columns.inputs);
        to[r] = seen ? first[r] + step : kZeros;
      }
    }
  }
}

void TiledKernel::Gather(const float* x, const Place& place, float* to) const {
  const WindowSpan& rows = layer_.rows;
  const WindowSpan& columns = layer_.columns;
  const int64_t first_row = (rows.first + place.row) * rows.stride - rows.pad;
  const int64_t first_column =
      (columns.first + place.column) * columns.stride - columns.pad;
  const float* const image = x + layer_.x.offset + place.image * layer_.x.image;
  // What is seen of the columns, where they are one run.
  const int64_t inputs = layer_.inputs;
  const int64_t skipped = std::clamp<int64_t>(-first_column, 0, columns.kernel);
  const int64_t end = std::clamp<int64_t>(columns.inputs - first_column,
                                          skipped, columns.kernel);
  std::fill(to, to + taps_ * inputs, 0.0f);
  for (int64_t i = 0; i < rows.kernel; ++i, to += columns.kernel * inputs) {
    const int64_t row = first_row + i * rows.dilation;
    if (row < 0 || row >= rows.inputs) continue;
    const float* const from = image + row * layer_.x.row;
    if (joins_columns_) {
      const float* const run = from + first_column * inputs;
      for (int64_t c = skipped * inputs; c < end * inputs; ++c) to[c] = run[c];
      continue;
    }
    for (int64_t j = 0; j < columns.kernel; ++j) {
      const int64_t column = first_column + j * columns.dilation;
      if (column < 0 || column >= columns.inputs) continue;
      const float* const pixel = from + column * layer_.x.column;
      for (int64_t c = 0; c < inputs; ++c) to[j * inputs + c] = pixel[c];
    }
  }
}

}  // namespace

const TileSet* Tiles() {
  static const TileSet* const tiles = [] {
    const std::string isa = OneDnn::Isa();
    if (isa.starts_with("avx512")) return Avx512Tiles();
    if (isa.starts_with("avx2")) return Avx2Tiles();
    return static_cast<const TileSet*>(nullptr);
  }();
  return tiles;
}

bool FitsTiles(const TiledLayer& layer) {
  const int64_t taps = layer.rows.kernel * layer.columns.kernel;
  if (layer.rows.kernel > kTapsMax) return false;
  return layer.inputs <= kFewInputs ||
         (taps <= kTapsMax && (taps == 1 || layer.inputs <= kZerosMax));
}

std::unique_ptr<CpuKernel> MakeTiled(const TiledLayer& layer,
                                     const PartSpec& spec) {
  return std::make_unique<TiledKernel>(Flat(layer), spec);
}

WeightLayout TiledLayout(const std::vector<int64_t>& shape) {
  const int64_t whole = Tiles()->panel;
  const int64_t panel = shape[0] * 2 <= whole ? whole / 2 : whole;
  WeightLayout layout = WeightLayout::Plain(DataType::kF32, shape);
  layout.padded_shape[0] = (shape[0] + panel - 1) / panel * panel;
  layout.blocks = {{0, panel}};
  // O, window..., I, and the panel innermost.
  layout.strides[1] = panel;
  int64_t stride = panel * shape[1];
  for (size_t d = shape.size(); d-- > 2; stride *= shape[d]) {
    layout.strides[d] = stride;
  }
  layout.strides[0] = stride;
  return layout;
}

}  // namespace layerd::cpu
