#include "kernels/cpu/tiled_product.h"

#include <algorithm>
#include <array>

#include "kernels/cpu/clamp.h"
#include "kernels/cpu/loop_nest.h"
#include "kernels/cpu/panel_rows.h"
#include "kernels/cpu/staging.h"
#include "kernels/cpu/tiled_layer.h"

namespace layerd::cpu {
namespace {

// What is packed at a time stays in a second-level cache.
constexpr int64_t kPanelsNearBytes = 256 << 10;

// A panel of so many rows is packed in scratch of 8 MiB.
constexpr int64_t kDepthMax = 64 << 10;

// 50 operations a nanosecond on one thread: less makes no part.
constexpr int64_t kFlopsOfElement = 50;

using Sizes = std::vector<int64_t>;

// As many dimensions as the product has; strides are 0 where it repeats.
struct Operand {
  Sizes batch_strides;
  int64_t row = 0, column = 0;  // Strides.
};

Operand OperandOf(const TensorType& type, const Sizes& shape,
                  const Sizes& strides) {
  const size_t rank = type.shape.size();
  TensorType batch = type;
  batch.shape.resize(rank - 2);
  batch.strides.assign(strides.begin(), strides.end() - 2);
  return {BroadcastStrides(batch, {shape.begin(), shape.end() - 2}),
          strides[rank - 2], strides[rank - 1]};
}

class TiledProduct : public CpuKernel {
 public:
  TiledProduct(const MatMul& op, const PartSpec& spec);
  std::string implementation() const override { return tiles_.name; }
  absl::Status Run(dnnl_stream_t stream, const PartMemory& memory) override;

 private:
  struct Matrices {
    const float* a;
    const float* b;
    float* y;
  };
  // Of the rows of one product, so that each thread finds some.
  struct Share {
    Matrices at;
    int64_t first, end;
  };

  void PlanLoopsOver(const PartSpec& spec, const Sizes& a_strides,
                     const Sizes& y_strides);
  Share ShareOf(const Matrices& all, int64_t item) const;
  void RunShare(const Share& share, bool is_packed, float* panels) const;
  void Pack(const float* b, int64_t first, int64_t end, float* panels) const;
  void RunTile(const Share& share, int64_t row, int64_t rows, int64_t first,
               int64_t end, const float* panels) const;

  const TileSet& tiles_ = *Tiles();
  const float scale_;
  StagedInput staged_a_;
  StagedOutput staged_y_;
  int64_t rows_, depth_, columns_;
  Operand a_, b_, y_;
  LoopNest batches_;  // Of y, a and b.
  int64_t batch_count_ = 1;
  int64_t shares_;         // Of each product.
  int64_t panels_, near_;  // All; those that are packed at a time.
  size_t panels_offset_;
};

TiledProduct::TiledProduct(const MatMul& op, const PartSpec& spec)
    : scale_(op.scale) {
  const TensorType& a = spec.inputs[0];
  const TensorType& y = spec.outputs[0];
  const bool stages_a = a.strides.back() != 1 && a.shape.back() != 1;
  const bool stages_y = y.strides.back() != 1 && y.shape.back() != 1;
  const Sizes a_strides = stages_a ? PlainStrides(a.shape) : a.strides;
  const Sizes y_strides = stages_y ? PlainStrides(y.shape) : y.strides;
  ScratchPlan scratch;
  staged_a_ = StagedInput({a.shape, a.strides}, a_strides, scratch);
  staged_y_ = StagedOutput({y.shape, y.strides}, y_strides, scratch);
  PlanLoopsOver(spec, a_strides, y_strides);
  panels_ = CeilOf(columns_, tiles_.panel);
  near_ = std::clamp<int64_t>(
      kPanelsNearBytes / BytesOf({depth_, tiles_.panel}), 1, panels_);
  const int64_t threads = ThreadsMax();
  const bool is_even =
      batch_count_ % threads == 0 || batch_count_ >= 4 * threads;
  shares_ = is_even ? 1 : std::min(threads, rows_);
  panels_offset_ =
      scratch.Take(threads * BytesOf({near_, depth_, tiles_.panel}));
  scratch_bytes_ = scratch.bytes();
}

void TiledProduct::PlanLoopsOver(const PartSpec& spec, const Sizes& a_strides,
                                 const Sizes& y_strides) {
  const TensorType& b = spec.inputs[1];
  const Sizes& shape = spec.outputs[0].shape;
  a_ = OperandOf(spec.inputs[0], shape, a_strides);
  b_ = OperandOf(b, shape, b.strides);
  y_ = OperandOf(spec.outputs[0], shape, y_strides);
  rows_ = shape[shape.size() - 2];
  columns_ = shape.back();
  depth_ = b.shape[b.shape.size() - 2];
  const Sizes batch(shape.begin(), shape.end() - 2);
  batches_ =
      PlanLoops(batch, {y_.batch_strides, a_.batch_strides, b_.batch_strides});
  for (const int64_t size : batch) batch_count_ *= size;
}

absl::Status TiledProduct::Run(dnnl_stream_t, const PartMemory& memory) {
  const Matrices all = {staged_a_.Ready(memory.inputs[0], memory.scratch),
                        reinterpret_cast<const float*>(memory.inputs[1]),
                        staged_y_.Target(memory.outputs[0], memory.scratch)};
  auto* const panels =
      reinterpret_cast<float*>(memory.scratch + panels_offset_);
  const int64_t work =
      2 * batch_count_ * rows_ * columns_ * depth_ / kFlopsOfElement;
  ParallelRanges(batch_count_ * shares_, work, [&](int64_t begin, int64_t end) {
    float* const own = panels + ThreadNow() * near_ * depth_ * tiles_.panel;
    const float* packed = nullptr;  // The b whose panels are all there.
    for (int64_t item = begin; item < end; ++item) {
      const Share share = ShareOf(all, item);
      RunShare(share, share.at.b == packed, own);
      packed = near_ == panels_ ? share.at.b : nullptr;
    }
  });
  staged_y_.Finish(memory.outputs[0], memory.scratch, nullptr);
  return absl::OkStatus();
}

TiledProduct::Share TiledProduct::ShareOf(const Matrices& all,
                                          int64_t item) const {
  int64_t batch = item / shares_;
  const int64_t share = item % shares_;
  LoopNest::Positions at{};
  for (size_t d = batches_.rank; d-- > 0; batch /= batches_.count[d]) {
    const int64_t index = batch % batches_.count[d];
    for (size_t i = 0; i < at.size(); ++i) {
      at[i] += index * batches_.stride[d][i];
    }
  }
  return {{all.a + at[1], all.b + at[2], all.y + at[0]},
          rows_ * share / shares_,
          rows_ * (share + 1) / shares_};
}

void TiledProduct::RunShare(const Share& share, bool is_packed,
                            float* panels) const {
  const int64_t count = share.end - share.first;
  const int64_t tiles = CeilOf(count, tiles_.rows_max);
  for (int64_t first = 0; first < panels_; first += near_) {
    const int64_t end = std::min(panels_, first + near_);
    if (!is_packed) Pack(share.at.b, first, end, panels);
    for (int64_t t = 0; t < tiles; ++t) {
      const int64_t row = share.first + count * t / tiles;
      const int64_t next = share.first + count * (t + 1) / tiles;
      RunTile(share, row, next - row, first, end, panels);
    }
  }
}

void TiledProduct::Pack(const float* b, int64_t first, int64_t end,
                        float* panels) const {
  for (int64_t panel = first; panel < end; ++panel) {
    const int64_t column = panel * tiles_.panel;
    PackPanel({.from = b + column * b_.column,
               .row_step = b_.row,
               .column_step = b_.column,
               .rows = depth_,
               .columns = std::min(tiles_.panel, columns_ - column),
               .factor = scale_,
               .panel = tiles_.panel,
               .to = panels + (panel - first) * depth_ * tiles_.panel});
  }
}

// All panels from `first` to `end`.
void TiledProduct::RunTile(const Share& share, int64_t row, int64_t rows,
                           int64_t first, int64_t end,
                           const float* panels) const {
  const int64_t column = first * tiles_.panel;
  std::array<const float*, TileSet::kRowsMax> x;
  std::array<float*, TileSet::kRowsMax> y;
  for (int64_t r = 0; r < rows; ++r) {
    x[r] = share.at.a + (row + r) * a_.row;
    y[r] = share.at.y + (row + r) * y_.row + column;
  }
  const Clamp none;
  tiles_.Run(rows, {.x = x.data(),
                    .taps = 1,
                    .depth = depth_,
                    .weights = panels,
                    .weights_step = tiles_.panel,
                    .bias = nullptr,
                    .residual = nullptr,
                    .y = y.data(),
                    .channels = std::min(columns_, end * tiles_.panel) - column,
                    .low = none.low,
                    .high = none.high,
                    .weights_are_near = true});
}

}  // namespace

bool FitsTiledProduct(const PartSpec& spec) {
  const Sizes& b = spec.inputs[1].shape;
  return Tiles() != nullptr && b[b.size() - 2] <= kDepthMax;
}

std::unique_ptr<CpuKernel> MakeTiledProduct(const MatMul& op,
                                            const PartSpec& spec) {
  return std::make_unique<TiledProduct>(op, spec);
}

}  // namespace layerd::cpu
