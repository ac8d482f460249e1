#include "kernels/cpu/tiled_layer.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/check.h"
#include "kernels/cpu/clamp.h"
#include "kernels/cpu/parallel.h"
#include "kernels/cpu/rows.h"
#include "kernels/cpu/shared_tile.h"
#include "kernels/cpu/sliced_layer.h"
#include "kernels/cpu/staging.h"
#include "kernels/cpu/tile_windows.h"
#include "kernels/cpu/weight_decoder.h"

namespace layerd::cpu {
namespace {

// So many products need what they read the most.
constexpr int64_t kManyProducts = 1024;

// A smaller input stays in the second-level cache, and beside a larger panel
// none of it does.
constexpr int64_t kNearBytes = 1 << 20, kPanelNearBytes = 512 << 10;

// 50 operations a nanosecond on one thread: less makes no part.
constexpr int64_t kFlopsOfElement = 50;

// Weights that few pixels meet take the time to read them: 8 to 20 bytes a
// nanosecond.
constexpr int64_t kBytesOfElement = 8;

constexpr int64_t kNoGroup = -1;

// Of narrow weights. One thread decodes a panel for all as it multiplies it for
// the first time; who needs the panel meanwhile decodes it for itself, and
// nobody waits.
enum PanelStage : uint32_t { kStored, kBeingDecoded, kDecoded };
using PanelState = std::atomic<uint32_t>;

class TiledKernel : public CpuKernel {
 public:
  TiledKernel(const TiledLayer& layer, const PartSpec& spec);
  std::string implementation() const override { return tiles_.name; }
  bool TakeDecoder(const WeightDecoder* decoder) override;
  absl::Status Run(dnnl_stream_t stream, const PartMemory& memory) override;

 private:
  struct Pointers;
  struct Memory : TiledMemory {
    const std::byte* narrow;  // The weights as stored; null: F32.
    const float* scales;
    std::span<PanelState> states;  // Of narrow ones.
  };

  // A tile, and the panels that it meets: items go panel by panel, or group by
  // group of them.
  struct Item {
    int64_t group, tile;
    OutputPlace start;
    int64_t excess;  // Of pixels before the tile, times tiles.
  };

  void PlanItems();
  void PlanMemory(const PartSpec& spec);
  Item ItemAt(int64_t item) const;
  int64_t RowsOf(const Item& item) const;
  void Step(Item& item) const;
  Tile TileAt(const Memory& memory, const Item& item, float* gathered,
              Pointers& pointers) const;
  void RunItem(const Memory& memory, const Item& item, bool is_first,
               float* gathered) const;
  void RunKernel(const Memory& memory, int64_t first, int64_t end, int64_t rows,
                 Pointers& pointers, Tile& tile) const;
  void RunShared(const Memory& memory) const;
  int64_t ChannelsAtOnce(const Memory& memory, int64_t left) const;
  void RunNarrowPanel(const Memory& memory, int64_t channel, int64_t count,
                      int64_t rows, const Pointers& pointers, Tile& tile) const;
  void RunPanels(const Memory& memory, int64_t channel, int64_t count,
                 int64_t rows, const Pointers& pointers, Tile& tile) const;
  void Activate(const Pointers& pointers, int64_t rows, int64_t count) const;
  NarrowWeights NarrowPanel(const Memory& memory, int64_t channel) const;

  const TileSet& tiles_ = *Tiles();
  const TiledLayer layer_;
  const TileWindows windows_;
  std::vector<uint64_t> weight_offsets_bytes_;
  const WeightDecoder* decoder_ = nullptr;  // Null: weights are stored as F32.
  std::vector<PanelState> panel_states_;    // Of the run; none without decoder.
  std::vector<int64_t> near_groups_;        // What each thread has met last.
  std::optional<Clamp> clamp_;
  int64_t taps_;
  int64_t panel_;
  int64_t pixels_, tile_count_, panels_;
  int64_t rows_least_, pixels_over_;  // Of a tile; that those leave.
  int64_t panels_of_item_ = 1;        // That a tile meets in one go.
  int64_t next_lines_ = 0;  // That are new to the next tile, by the tap.
  bool streams_ = false;
  bool shares_tile_ = false;  // There is one, of fewer panels than threads.
  std::optional<SlicedLayer> sliced_;
  int64_t work_ = 0;
};

struct TiledKernel::Pointers {
  TileWindows::Addresses x;
  std::array<const float*, TileSet::kRowsMax> residual;
  std::array<float*, TileSet::kRowsMax> y;
};

// A picture whose every pixel is computed from one pixel, and that lies without
// gaps, is one row of them.
TiledLayer Flat(const TiledLayer& layer) {
  const auto is_flat = [&](const PixelPlace& place) {
    return place.row == place.column * layer.columns.count &&
           (layer.images == 1 || place.image == place.row * layer.rows.count);
  };
  // What padding at the end adds has no pixel.
  const auto is_plain = [](const WindowSpan& span) {
    return span.kernel == 1 && span.stride == 1 && span.pad == 0 &&
           span.first + span.count <= span.inputs;
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
      windows_(layer),
      clamp_(AsClamp(layer.activation)),
      taps_(layer.rows.kernel * layer.columns.kernel),
      panel_(spec.weights[0].layout.blocks[0].size),
      pixels_(layer.images * layer.rows.count * layer.columns.count) {
  near_groups_.resize(ThreadsMax());
  for (const WeightPiece& piece : spec.weights) {
    weight_offsets_bytes_.push_back(piece.offset_bytes);
  }
  tile_count_ = CeilOf(pixels_, tiles_.rows_max);
  rows_least_ = pixels_ / tile_count_;
  pixels_over_ = pixels_ % tile_count_;
  panels_ = CeilOf(layer.outputs, panel_);
  PlanItems();
  PlanMemory(spec);
  if (SlicedLayer::PaysOff(layer, panel_)) {
    sliced_.emplace(layer_, windows_, *clamp_, streams_);
  }
  scratch_bytes_ = ThreadsMax() * windows_.scratch_bytes();
  if (shares_tile_) {
    scratch_bytes_ = SharedTileBytes(pixels_, layer.inputs, layer.outputs);
  }
  if (sliced_) scratch_bytes_ = sliced_->scratch_bytes();
}

void TiledKernel::PlanItems() {
  constexpr int64_t kItemsOfThread = 4;
  const int64_t depth = taps_ * layer_.inputs;
  const auto kernels = static_cast<int64_t>(layer_.y_offsets.size());
  work_ =
      kernels * std::max(2 * pixels_ * layer_.outputs * depth / kFlopsOfElement,
                         BytesOf({panels_, panel_, depth}) / kBytesOfElement);
  // Panels up to that stay near while tile after tile meets them, and what a
  // tile sees is read once for all of them.
  const int64_t near = std::max<int64_t>(
      tiles_.caches.weights_near_bytes / BytesOf({kernels, panel_, depth}), 1);
  const int64_t wanted = ThreadsMax() == 1 ? 1 : ThreadsMax() * kItemsOfThread;
  const int64_t groups = std::max(
      CeilOf(panels_, near), std::min(panels_, CeilOf(wanted, tile_count_)));
  panels_of_item_ = CeilOf(panels_, groups);
  shares_tile_ = taps_ == 1 && kernels == 1 && depth > TileSet::kRun &&
                 tile_count_ == 1 && groups < ThreadsMax();
}

// Whole tensors count: the parts of a layer come one after the other.
void TiledKernel::PlanMemory(const PartSpec& spec) {
  constexpr int64_t kLineFloats = 16;
  const auto is_whole_lines = [](int64_t floats) {
    return floats % kLineFloats == 0;
  };
  const int64_t most_bytes = taps_ * layer_.inputs < kManyProducts
                                 ? tiles_.caches.streamed_bytes
                                 : tiles_.caches.streamed_of_many_bytes;
  streams_ = clamp_ && BytesOf(spec.outputs[0].shape) > most_bytes &&
             is_whole_lines(layer_.y.column) && is_whole_lines(layer_.y.row) &&
             is_whole_lines(layer_.y.image) && is_whole_lines(panel_);
  if (taps_ == 1 || layer_.x.column != layer_.inputs ||
      BytesOf(spec.inputs[0].shape) <= kNearBytes ||
      BytesOf({panel_, taps_, layer_.inputs}) > kPanelNearBytes) {
    return;
  }
  next_lines_ = tiles_.rows_max * layer_.columns.stride * layer_.inputs /
                kLineFloats / taps_;
}

// Tiles widen, and the only scales they know are those of I8.
bool TiledKernel::TakeDecoder(const WeightDecoder* decoder) {
  const bool is_scaled = decoder->is_scaled();
  if (is_scaled != (decoder->dtype() == DataType::kI8)) return false;
  if (layer_.y_offsets.size() > 1) return false;
  LAYERD_CHECK(panel_ <= TileSet::kPanelMax);
  decoder_ = decoder;
  panel_states_ = std::vector<PanelState>(panels_);
  return true;
}

absl::Status TiledKernel::Run(dnnl_stream_t, const PartMemory& memory) {
  const bool decodes = decoder_ != nullptr;
  if (decodes) decoder_->CopyOthers(memory.weights, memory.decoded);
  for (PanelState& state : panel_states_) {
    state.store(kStored, std::memory_order_relaxed);
  }
  const std::byte* const weights = decodes ? memory.decoded : memory.weights;
  const auto floats = [](const std::byte* bytes) {
    return reinterpret_cast<const float*>(bytes);
  };
  const Memory own = {
      {floats(memory.inputs[0]), floats(weights + weight_offsets_bytes_[0]),
       weight_offsets_bytes_.size() > 1
           ? floats(weights + weight_offsets_bytes_[1])
           : nullptr,
       layer_.adds_residual ? floats(memory.inputs[1]) : nullptr,
       reinterpret_cast<float*>(memory.outputs[0]), memory.scratch},
      decodes ? decoder_->KernelIn(memory.weights) : nullptr,
      decodes ? decoder_->ScalesIn(memory.weights) : nullptr,
      panel_states_};
  if (shares_tile_ && !decodes) {
    RunShared(own);
    return absl::OkStatus();
  }
  if (sliced_ && !decodes) {
    sliced_->Run(own, work_);
    return absl::OkStatus();
  }
  const int64_t groups = CeilOf(panels_, panels_of_item_);
  std::fill(near_groups_.begin(), near_groups_.end(), kNoGroup);
  ParallelRanges(tile_count_ * groups, work_, [&](int64_t begin, int64_t end) {
    auto* gathered = reinterpret_cast<float*>(
        own.scratch + ThreadNow() * windows_.scratch_bytes());
    int64_t& near_group = near_groups_[ThreadNow()];
    Item item = ItemAt(begin);
    for (int64_t i = begin; i < end; ++i, Step(item)) {
      const bool is_first = item.group != near_group;
      if (is_first) near_group = item.group;
      RunItem(own, item, is_first, gathered);
    }
    if (streams_) tiles_.settle();
  });
  return absl::OkStatus();
}

// Tile t is the pixels from pixels * t / tiles to pixels * (t + 1) / tiles. All
// but the first of a thread are found without a division: many tiles have so
// few products that those were a tenth of their time.
TiledKernel::Item TiledKernel::ItemAt(int64_t item) const {
  const int64_t tile = item % tile_count_;
  const int64_t pixels = pixels_ * tile;
  return {item / tile_count_, tile, windows_.PlaceOf(pixels / tile_count_),
          pixels % tile_count_};
}

int64_t TiledKernel::RowsOf(const Item& item) const {
  return rows_least_ + (item.excess + pixels_over_ >= tile_count_ ? 1 : 0);
}

void TiledKernel::Step(Item& item) const {
  if (++item.tile == tile_count_) {
    item = {item.group + 1, 0, {0, 0, 0}, 0};
    return;
  }
  const int64_t rows = RowsOf(item);
  item.start = windows_.Behind(item.start, rows);
  item.excess += pixels_over_ - (rows - rows_least_) * tile_count_;
}

// Of the item's first panel, and nothing of weights yet.
Tile TiledKernel::TileAt(const Memory& memory, const Item& item,
                         float* gathered, Pointers& pointers) const {
  const int64_t rows = RowsOf(item);
  const OutputPlace& start = item.start;
  const int64_t channel = item.group * panels_of_item_ * panel_;
  windows_.Walk(layer_.y, memory.y + channel, start, rows, pointers.y.data());
  if (memory.residual != nullptr) {
    windows_.Walk(layer_.residual, memory.residual + channel, start, rows,
                  pointers.residual.data());
  }
  Tile tile = {.x = pointers.x.data(),
               .taps = taps_,
               .depth = layer_.inputs,
               .weights = nullptr,
               .weights_step = panel_,
               .bias = nullptr,
               .residual = memory.residual == nullptr
                               ? nullptr
                               : pointers.residual.data(),
               .y = pointers.y.data(),
               .channels = panel_,
               .low = clamp_.value_or(Clamp{}).low,
               .high = clamp_.value_or(Clamp{}).high};
  windows_.Reach(memory.x, start, rows, gathered, pointers.x, tile);
  return tile;
}

void TiledKernel::RunItem(const Memory& memory, const Item& item, bool is_first,
                          float* gathered) const {
  const int64_t rows = RowsOf(item);
  const int64_t first = item.group * panels_of_item_;
  Pointers pointers;
  Tile tile = TileAt(memory, item, gathered, pointers);
  tile.weights_are_near = !is_first;
  if (next_lines_ > 0) {
    tile.next = pointers.x[tile.taps * rows - 1] + tile.depth;
    tile.next_lines = next_lines_ * taps_ / tile.taps;
  }
  const int64_t channel = first * panel_;
  const int64_t end =
      std::min(layer_.outputs, channel + panels_of_item_ * panel_);
  const Memory* of_kernel = &memory;
  Memory other;  // Copied for no layer of one kernel: its tiles are short.
  for (size_t k = 0;;) {
    RunKernel(*of_kernel, channel, end, rows, pointers, tile);
    if (++k == layer_.y_offsets.size()) return;
    other = *of_kernel;
    other.weights += panels_ * panel_ * taps_ * layer_.inputs;
    of_kernel = &other;
    const int64_t step =
        layer_.y_offsets[k] - layer_.y_offsets[k - 1] - (end - channel);
    for (int64_t r = 0; r < rows; ++r) pointers.y[r] += step;
  }
}

// Channels from `first` to `end`, which the pointers then point behind.
void TiledKernel::RunKernel(const Memory& memory, int64_t first, int64_t end,
                            int64_t rows, Pointers& pointers,
                            Tile& tile) const {
  tile.streams = streams_ && IsLineOfCache(pointers.y[0]);
  for (int64_t channel = first, count; channel < end; channel += count) {
    count = ChannelsAtOnce(memory, end - channel);
    memory.narrow != nullptr
        ? RunNarrowPanel(memory, channel, count, rows, pointers, tile)
        : RunPanels(memory, channel, count, rows, pointers, tile);
    tile.next_lines = 0;
    for (int64_t r = 0; r < rows; ++r) {
      pointers.y[r] += count;
      if (memory.residual != nullptr) pointers.residual[r] += count;
    }
  }
}

void TiledKernel::RunShared(const Memory& memory) const {
  Pointers pointers;
  Tile tile = TileAt(memory, ItemAt(0), /*gathered=*/nullptr, pointers);
  tile.weights = memory.weights;
  tile.bias = memory.bias;
  tile.channels = layer_.outputs;
  RunSharedTile(tiles_, pixels_, tile, work_,
                reinterpret_cast<float*>(memory.scratch));
  Activate(pointers, pixels_, layer_.outputs);
}

// A panel that somebody may be decoding comes alone, and so do last channels
// that half a tile has room for.
int64_t TiledKernel::ChannelsAtOnce(const Memory& memory, int64_t left) const {
  if (memory.narrow != nullptr) return std::min(panel_, left);
  const int64_t last = left % panel_;
  return last * 2 > panel_ || last == left ? left : left - last;
}

void TiledKernel::RunNarrowPanel(const Memory& memory, int64_t channel,
                                 int64_t count, int64_t rows,
                                 const Pointers& pointers, Tile& tile) const {
  PanelState& state = memory.states[channel / panel_];
  uint32_t stage = state.load(std::memory_order_acquire);
  if (stage == kDecoded) {
    return RunPanels(memory, channel, count, rows, pointers, tile);
  }
  const bool is_ours =
      stage == kStored && state.compare_exchange_strong(
                              stage, kBeingDecoded, std::memory_order_relaxed);
  NarrowWeights narrow = NarrowPanel(memory, channel);
  alignas(64) float row[TileSet::kPanelMax];
  if (!is_ours) {
    narrow.to = row;
    narrow.to_step = 0;
  }
  tile.narrow = &narrow;
  RunPanels(memory, channel, count, rows, pointers, tile);
  tile.narrow = nullptr;
  if (is_ours) state.store(kDecoded, std::memory_order_release);
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
          const_cast<float*>(memory.weights) + at, panel_};
}

void TiledKernel::RunPanels(const Memory& memory, int64_t channel,
                            int64_t count, int64_t rows,
                            const Pointers& pointers, Tile& tile) const {
  tile.weights = memory.weights + channel * taps_ * layer_.inputs;
  tile.bias = memory.bias == nullptr ? nullptr : memory.bias + channel;
  tile.channels = count;
  tiles_.Run(rows, tile);
  Activate(pointers, rows, count);
}

// What no tile can do as it stores.
void TiledKernel::Activate(const Pointers& pointers, int64_t rows,
                           int64_t count) const {
  if (clamp_) return;
  for (int64_t r = 0; r < rows; ++r) {
    ActivateRow(layer_.activation, pointers.y[r], pointers.y[r], count);
  }
}

}  // namespace

const TileSet* Tiles() {
  static const TileSet* const tiles = [] {
    const std::string isa = OneDnn::Isa();
    if (isa.starts_with("avx512")) return Avx512Tiles();
    if (isa.starts_with("avx2")) return Avx2Tiles();
    return NeonTiles();
  }();
  return tiles;
}

bool ChannelsAreSideBySide(const TensorType& type) {
  return type.shape[1] == 1 || type.strides[1] == 1;
}

PixelPlace PixelsOf(const TensorType& type, int64_t channel, int64_t row) {
  const bool is_picture = type.shape.size() == 4;
  return {.offset = channel + row * type.strides[2],
          .image = type.strides[0],
          .row = is_picture ? type.strides[2] : 0,
          .column = type.strides[is_picture ? 3 : 2]};
}

bool FitsTiles(const TiledLayer& layer) { return TileWindows::Fit(layer); }

std::unique_ptr<CpuKernel> MakeTiled(const TiledLayer& layer,
                                     const PartSpec& spec) {
  return std::make_unique<TiledKernel>(Flat(layer), spec);
}

WeightLayout TiledLayout(const std::vector<int64_t>& shape) {
  const int64_t whole = Tiles()->panel;
  const int64_t panel = shape[0] * 2 <= whole ? whole / 2 : whole;
  WeightLayout layout = WeightLayout::Plain(DataType::kF32, shape);
  layout.padded_shape[0] = CeilOf(shape[0], panel) * panel;
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
