#include "kernels/cpu/depthwise.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "kernels/cpu/clamp.h"
#include "kernels/cpu/depthwise_rows.h"
#include "kernels/cpu/parallel.h"
#include "kernels/cpu/rows.h"

namespace layerd::cpu {
namespace {

// What of a window lies inside the picture, in one dimension.
struct Seen {
  int64_t first_tap, taps;
  int64_t at;  // Of the first tap, in the input.
};

Seen SeenBy(const WindowSpan& span, int64_t output) {
  const int64_t begin = (span.first + output) * span.stride - span.pad;
  const int64_t skipped =
      begin < 0
          ? std::min((-begin + span.dilation - 1) / span.dilation, span.kernel)
          : 0;
  const int64_t room = span.inputs - begin;
  const int64_t end =
      room <= 0
          ? 0
          : std::min((room + span.dilation - 1) / span.dilation, span.kernel);
  return {skipped, std::max<int64_t>(end - skipped, 0),
          begin + skipped * span.dilation};
}

class DepthwiseKernel : public CpuKernel {
 public:
  DepthwiseKernel(const TiledLayer& layer, const PartSpec& spec)
      : layer_(layer), clamp_(AsClamp(layer.activation)) {
    for (const WeightPiece& piece : spec.weights) {
      weight_offsets_bytes_.push_back(piece.offset_bytes);
    }
    rows_.reserve(layer.rows.count);
    for (int64_t i = 0; i < layer.rows.count; ++i) {
      rows_.push_back(SeenBy(layer.rows, i));
    }
    columns_.reserve(layer.columns.count);
    for (int64_t i = 0; i < layer.columns.count; ++i) {
      columns_.push_back(SeenBy(layer.columns, i));
    }
  }

  std::string implementation() const override { return "depthwise:vectors"; }
  absl::Status Run(dnnl_stream_t stream, const PartMemory& memory) override;

 private:
  struct Memory {
    const float* x;
    const float* weights;
    const float* bias;
    const float* residual;
    float* y;
  };

  void RunRow(const Memory& memory, int64_t image, int64_t row) const;

  const TiledLayer layer_;
  std::optional<Clamp> clamp_;
  std::vector<uint64_t> weight_offsets_bytes_;
  std::vector<Seen> rows_, columns_;  // Of each output row and column.
};

absl::Status DepthwiseKernel::Run(dnnl_stream_t, const PartMemory& memory) {
  const auto floats = [](const std::byte* bytes) {
    return reinterpret_cast<const float*>(bytes);
  };
  const Memory own = {floats(memory.inputs[0]),
                      floats(memory.weights + weight_offsets_bytes_[0]),
                      weight_offsets_bytes_.size() > 1
                          ? floats(memory.weights + weight_offsets_bytes_[1])
                          : nullptr,
                      layer_.adds_residual ? floats(memory.inputs[1]) : nullptr,
                      reinterpret_cast<float*>(memory.outputs[0])};
  const int64_t rows = layer_.images * layer_.rows.count;
  const int64_t work = rows * layer_.columns.count * layer_.outputs;
  ParallelRanges(rows, work, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      RunRow(own, row / layer_.rows.count, row % layer_.rows.count);
    }
  });
  return absl::OkStatus();
}

void DepthwiseKernel::RunRow(const Memory& memory, int64_t image,
                             int64_t row) const {
  const Clamp clamp = clamp_.value_or(Clamp{});
  const Seen& down = rows_[row];
  const int64_t outputs = layer_.outputs;
  const float* const x = memory.x + layer_.x.offset + image * layer_.x.image +
                         down.at * layer_.x.row;
  float* const y =
      memory.y + layer_.y.offset + image * layer_.y.image + row * layer_.y.row;
  const float* const residual = memory.residual == nullptr
                                    ? nullptr
                                    : memory.residual + layer_.residual.offset +
                                          image * layer_.residual.image +
                                          row * layer_.residual.row;
  const int64_t count = layer_.columns.count;
  for (int64_t first = 0, end = 0; first < count; first = end) {
    const Seen& across = columns_[first];
    for (end = first + 1; end < count && columns_[end].taps == across.taps &&
                          columns_[end].first_tap == across.first_tap;) {
      ++end;
    }
    const DepthwiseRow pixels = {
        .x = x + across.at * layer_.x.column,
        .x_pixel_step = layer_.columns.stride * layer_.x.column,
        .x_row_step = layer_.rows.dilation * layer_.x.row,
        .x_column_step = layer_.columns.dilation * layer_.x.column,
        .weights = memory.weights +
                   (down.first_tap * layer_.columns.kernel + across.first_tap) *
                       outputs,
        .weights_row_step = layer_.columns.kernel * outputs,
        .weights_column_step = outputs,
        .taps_down = across.taps == 0 ? 0 : down.taps,
        .taps_across = across.taps,
        .bias = memory.bias,
        .residual = residual == nullptr
                        ? nullptr
                        : residual + first * layer_.residual.column,
        .residual_step = layer_.residual.column,
        .y = y + first * layer_.y.column,
        .y_step = layer_.y.column,
        .pixels = end - first,
        .channels = outputs,
        .low = clamp.low,
        .high = clamp.high};
    RunDepthwise(pixels);
    if (clamp_) continue;
    for (int64_t p = first; p < end; ++p) {
      float* const at = y + p * layer_.y.column;
      ActivateRow(layer_.activation, at, at, outputs);
    }
  }
}

}  // namespace

std::unique_ptr<CpuKernel> MakeDepthwise(const TiledLayer& layer,
                                         const PartSpec& spec) {
  return std::make_unique<DepthwiseKernel>(layer, spec);
}

WeightLayout DepthwiseLayout(const std::vector<int64_t>& shape) {
  WeightLayout layout = WeightLayout::Plain(DataType::kF32, shape);
  int64_t stride = shape[0];
  for (size_t d = shape.size(); d-- > 1; stride *= shape[d]) {
    layout.strides[d] = stride;
  }
  layout.strides[0] = 1;
  return layout;
}

}  // namespace layerd::cpu
