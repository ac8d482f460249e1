#include "daemon/pack/lower/weight_writer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <variant>

#include "config/check.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/lower/weight_storage.h"
#include "kernels/decoded_part.h"
#include "kernels/winograd.h"

namespace layerd {
namespace {

using Positions = std::vector<uint32_t>;

// Where index i of dimension d lies, all others being 0. A position in a
// blocked layout is the sum of these over its dimensions.
Positions PositionsAlong(const WeightLayout& layout, size_t d) {
  std::vector<int64_t> index(layout.shape.size());
  Positions positions;
  for (; index[d] < layout.shape[d]; ++index[d]) {
    positions.push_back(static_cast<uint32_t>(layout.PositionOf(index)));
  }
  return positions;
}

// The same for dimensions [first, end) together, in row-major order.
Positions PositionsAlong(const WeightLayout& layout, size_t first, size_t end) {
  Positions positions = {0};
  for (size_t d = first; d < end; ++d) {
    Positions longer;
    const Positions along = PositionsAlong(layout, d);
    for (const uint32_t outer : positions) {
      for (const uint32_t inner : along) longer.push_back(outer + inner);
    }
    positions = std::move(longer);
  }
  return positions;
}

// Columns C x pixels of the source lie as pixels x C.
Positions OfPicture(const Positions& columns, int64_t picture_channels) {
  const int64_t pixels = columns.size() / picture_channels;
  Positions moved;
  for (int64_t c = 0; c < picture_channels; ++c) {
    for (int64_t p = 0; p < pixels; ++p) {
      moved.push_back(columns[p * picture_channels + c]);
    }
  }
  return moved;
}

Positions ColumnsOf(const Weight& weight, const WeightLayout& layout,
                    size_t first) {
  const Positions columns = PositionsAlong(layout, first, layout.shape.size());
  return weight.picture_channels > 0
             ? OfPicture(columns, weight.picture_channels)
             : columns;
}

float OutputScale(const Weight& weight, int64_t channel) {
  return weight.output_scale.empty() ? 1.0f : weight.output_scale[channel];
}

// Halves of the model that come with scales leave them beside.
float OutputFactor(const Graph& graph, const Weight& weight, int64_t channel) {
  return weight.scaled && KeepsOutputScales(graph, weight)
             ? 1.0f
             : OutputScale(weight, channel);
}

// Bytes that were there before.
void RestoreChannels(const Positions& rows, const Positions& columns,
                     std::span<const float> image,
                     std::span<const float> own_scales, int8_t* to,
                     float* scales) {
  for (size_t r = 0; r < rows.size(); ++r) {
    scales[r] = own_scales[r];
    for (const uint32_t column : columns) {
      const uint32_t at = rows[r] + column;
      to[at] = OwnInt8(image[at], scales[r]);
    }
  }
}

// Each channel by its largest magnitude, which a NaN never is: it is refused
// as infinity is.
absl::Status NarrowChannels(const Positions& rows, const Positions& columns,
                            std::span<const float> image, int8_t* to,
                            float* scales) {
  for (size_t r = 0; r < rows.size(); ++r) {
    const float* const from = image.data() + rows[r];
    float largest = 0;
    for (const uint32_t column : columns) {
      const float magnitude = std::abs(from[column]);
      if (!(magnitude <= largest)) largest = magnitude;
      if (std::isnan(largest)) break;
    }
    ASSIGN_OR_RETURN(scales[r], Int8Scale(largest));
    for (const uint32_t column : columns) {
      to[rows[r] + column] = NarrowToInt8(from[column], scales[r]);
    }
  }
  return absl::OkStatus();
}

// Each channel by a power of two, so that its weights are in the middle of
// what halves hold; a NaN is never the largest.
void CentreChannels(const Positions& rows, const Positions& columns,
                    std::vector<float>* image, float* scales) {
  for (size_t r = 0; r < rows.size(); ++r) {
    float* const channel = image->data() + rows[r];
    float largest = 0;
    for (const uint32_t column : columns) {
      largest = std::max(largest, std::abs(channel[column]));
    }
    scales[r] = HalfScale(largest);
    for (const uint32_t column : columns) channel[column] /= scales[r];
  }
}

// Scales one row: `window` neighbours belong to one input channel.
void ScaleInputs(const Weight& weight, int64_t first_input, int64_t window,
                 std::span<float> row) {
  if (weight.input_scale.empty()) return;
  for (size_t i = 0; i < row.size(); ++i) {
    row[i] *= weight.input_scale[first_input + i / window];
  }
}

// Window by window; `inputs` of them in a row.
void WriteTransformed(const WeightLayout& layout, int64_t output,
                      std::span<const float> row, float* to) {
  constexpr int64_t kWindow = 9;
  float transformed[kWinogradInputs * kWinogradInputs];
  for (int64_t i = 0; i < layout.shape[1]; ++i) {
    TransformWindow(row.data() + i * kWindow, transformed);
    for (int64_t p = 0; p < kWinogradInputs * kWinogradInputs; ++p) {
      const int64_t index[] = {output, i, p / kWinogradInputs,
                               p % kWinogradInputs};
      to[layout.PositionOf(index)] = transformed[p];
    }
  }
}

}  // namespace

absl::Status WeightWriter::Write(const Program& program, const Part& part,
                                 const std::vector<Weight>& weights,
                                 std::span<std::byte> extent) {
  const Operator& op = program.layers[part.layer].op;
  const bool recurs = std::holds_alternative<Recurrent>(op);
  const bool cut = std::holds_alternative<Convolution>(op) ||
                   std::holds_alternative<ConvTranspose>(op) ||
                   std::holds_alternative<FullyConnected>(op);
  for (size_t w = 0; w < weights.size(); ++w) {
    const WeightPiece& piece = part.weights[w];
    std::byte* const to = extent.data() + piece.offset_bytes;
    const bool is_matrix = recurs && piece.layout.shape.size() == 2;
    const Range channels =
        is_matrix ? Range{0, piece.layout.shape[0]} : part.channels;
    const bool is_kernel = is_matrix || (cut && w == 0);
    if (is_kernel && IsNarrow(weights[w].stored)) {
      std::byte* const behind =
          extent.data() + part.weights.back().offset_bytes;
      RETURN_IF_ERROR(WriteNarrow(
          op, weights[w], piece.layout, channels, to,
          weights[w].scaled ? reinterpret_cast<float*>(behind) : nullptr));
    } else if (is_kernel) {
      RETURN_IF_ERROR(WriteWide(op, weights[w], piece.layout, channels,
                                reinterpret_cast<float*>(to)));
    } else if (!cut) {
      RETURN_IF_ERROR(WriteWhole(weights[w], piece.layout, to));
    } else {
      const std::span<const float> numbers(
          weights[w].held.data() + part.channels.first, part.channels.count);
      if (weights[w].stored == DataType::kF16) {
        RETURN_IF_ERROR(NarrowToHalf(numbers, reinterpret_cast<uint16_t*>(to)));
      } else {
        std::ranges::copy(std::as_bytes(numbers), to);
      }
    }
  }
  return absl::OkStatus();
}

absl::Status WeightWriter::WriteWide(const Operator& op, const Weight& weight,
                                     const WeightLayout& layout, Range channels,
                                     float* to) {
  if (const auto* transposed = std::get_if<ConvTranspose>(&op)) {
    return WriteSwapped(weight, layout, transposed->groups, channels, to);
  }
  const auto* conv = std::get_if<Convolution>(&op);
  return WriteKernel(weight, layout, conv != nullptr ? conv->groups : 1,
                     channels, to);
}

absl::Status WeightWriter::WriteKernel(const Weight& weight,
                                       const WeightLayout& layout,
                                       int64_t groups, Range channels,
                                       float* to) {
  if (weight.transposed) {
    return WriteTransposed(weight, layout, channels, to);
  }
  const size_t row_dimensions = groups > 1 ? 2 : 1;
  const Positions rows = PositionsAlong(layout, 0, row_dimensions);
  const Positions columns = ColumnsOf(weight, layout, row_dimensions);
  rows_.resize(rows.size() * columns.size());
  RETURN_IF_ERROR(graph_.ReadF32(
      graph_.constants[weight.constant],
      channels.first * static_cast<int64_t>(columns.size()), rows_));
  const int64_t inputs = weight.shape[1];
  const int64_t of_group = weight.shape[0] / groups;
  for (size_t r = 0; r < rows.size(); ++r) {
    const int64_t channel = channels.first + static_cast<int64_t>(r);
    const std::span row =
        std::span(rows_).subspan(r * columns.size(), columns.size());
    ScaleInputs(weight, channel / of_group * inputs, row.size() / inputs, row);
    const float scale = OutputFactor(graph_, weight, channel);
    if (layout.transform == WeightLayout::Transform::kWinograd) {
      for (float& number : row) number *= scale;
      WriteTransformed(layout, static_cast<int64_t>(r), row, to);
      continue;
    }
    float* const row_to = to + rows[r];
    for (size_t c = 0; c < row.size(); ++c) {
      row_to[columns[c]] = row[c] * scale;
    }
  }
  return absl::OkStatus();
}

absl::Status WeightWriter::WriteNarrow(const Operator& op, const Weight& weight,
                                       const WeightLayout& layout,
                                       Range channels, std::byte* to,
                                       float* scales) {
  const WeightLayout wide = Decoded(layout);
  image_.assign(wide.bytes() / sizeof(float), 0);
  RETURN_IF_ERROR(WriteWide(op, weight, wide, channels, image_.data()));
  const size_t row_dimensions = IsGrouped(op) ? 2 : 1;
  const Positions rows = PositionsAlong(layout, 0, row_dimensions);
  const Positions columns =
      PositionsAlong(layout, row_dimensions, layout.shape.size());
  if (weight.stored == DataType::kI8) {
    auto* const bytes = reinterpret_cast<int8_t*>(to);
    const std::vector<float> own_scales = OwnScales(graph_, op, weight);
    if (own_scales.empty()) {
      return NarrowChannels(rows, columns, image_, bytes, scales);
    }
    RestoreChannels(rows, columns, image_,
                    std::span(own_scales).subspan(channels.first, rows.size()),
                    bytes, scales);
    return absl::OkStatus();
  }
  if (scales != nullptr && !KeepsOutputScales(graph_, weight)) {
    CentreChannels(rows, columns, &image_, scales);
  } else if (scales != nullptr) {
    for (int64_t r = 0; r < channels.count; ++r) {
      scales[r] = OutputScale(weight, channels.first + r);
    }
  }
  auto* const halves = reinterpret_cast<uint16_t*>(to);
  return weight.stored == DataType::kF16 ? NarrowToHalf(image_, halves)
                                         : NarrowToBFloat16(image_, halves);
}

absl::Status WeightWriter::WriteTransposed(const Weight& weight,
                                           const WeightLayout& layout,
                                           Range channels, float* to) {
  RETURN_IF_ERROR(ReadPanel(weight, channels));
  const Positions rows = PositionsAlong(layout, 0, 1);
  const Positions columns = ColumnsOf(weight, layout, 1);
  for (size_t c = 0; c < columns.size(); ++c) {
    const float input_scale =
        weight.input_scale.empty() ? 1.0f : weight.input_scale[c];
    const float* const from =
        panel_.data() + c * panel_columns_ + channels.first - panel_first_;
    for (size_t r = 0; r < rows.size(); ++r) {
      to[rows[r] + columns[c]] =
          from[r] * input_scale *
          OutputFactor(graph_, weight,
                       channels.first + static_cast<int64_t>(r));
    }
  }
  return absl::OkStatus();
}

// The constant is [I, O / groups, window], so each input channel has a run for
// the outputs of each group.
absl::Status WeightWriter::WriteSwapped(const Weight& weight,
                                        const WeightLayout& layout,
                                        int64_t groups, Range channels,
                                        float* to) {
  const size_t row_dimensions = groups > 1 ? 2 : 1;
  const Positions rows = PositionsAlong(layout, 0, row_dimensions);
  const Positions columns =
      PositionsAlong(layout, row_dimensions, layout.shape.size());
  const int64_t inputs = weight.shape[1];
  const int64_t of_group = weight.shape[0] / groups;
  const auto window = static_cast<int64_t>(columns.size()) / inputs;
  const Constant& constant = graph_.constants[weight.constant];
  for (int64_t first = channels.first;
       first < channels.first + channels.count;) {
    const int64_t group = first / of_group;
    const int64_t end =
        std::min(channels.first + channels.count, (group + 1) * of_group);
    rows_.resize((end - first) * window);
    for (int64_t i = 0; i < inputs; ++i) {
      const int64_t run = (group * inputs + i) * of_group + first % of_group;
      RETURN_IF_ERROR(graph_.ReadF32(constant, run * window, rows_));
      for (int64_t c = first; c < end; ++c) {
        const float scale = OutputFactor(graph_, weight, c);
        float* const row_to = to + rows[c - channels.first];
        for (int64_t k = 0; k < window; ++k) {
          row_to[columns[i * window + k]] =
              rows_[(c - first) * window + k] * scale;
        }
      }
    }
    first = end;
  }
  return absl::OkStatus();
}

absl::Status WeightWriter::WriteTable(const Weight& weight, DataType stored,
                                      int64_t first, std::span<std::byte> to) {
  const Constant& constant = graph_.constants[weight.constant];
  if (stored == DataType::kF32) {
    return graph_.ReadF32(
        constant, first,
        {reinterpret_cast<float*>(to.data()), to.size() / sizeof(float)});
  }
  rows_.resize(to.size() / SizeOf(stored));
  RETURN_IF_ERROR(graph_.ReadF32(constant, first, rows_));
  if (SizeOf(stored) == 1) {
    StoreElements(std::span<const float>(rows_), stored, to.data());
    return absl::OkStatus();
  }
  auto* const halves = reinterpret_cast<uint16_t*>(to.data());
  return stored == DataType::kF16 ? NarrowToHalf(rows_, halves)
                                  : NarrowToBFloat16(rows_, halves);
}

absl::Status WeightWriter::ReadPanel(const Weight& weight, Range channels) {
  if (panel_of_ == weight.constant && channels.first >= panel_first_ &&
      channels.first + channels.count <= panel_first_ + panel_columns_) {
    return absl::OkStatus();
  }
  const int64_t all = weight.shape[0];
  const int64_t height = weight.shape[1];
  const int64_t most = kPanelBytesMax / (sizeof(float) * height);
  panel_of_ = -1;
  panel_first_ = channels.first;
  panel_columns_ =
      std::min(all - channels.first, std::max(channels.count, most));
  panel_.resize(height * panel_columns_);
  const Constant& constant = graph_.constants[weight.constant];
  if (panel_columns_ == all) {
    RETURN_IF_ERROR(graph_.ReadF32(constant, 0, panel_));
  } else {
    for (int64_t r = 0; r < height; ++r) {
      RETURN_IF_ERROR(graph_.ReadF32(
          constant, r * all + panel_first_,
          std::span(panel_).subspan(r * panel_columns_, panel_columns_)));
    }
  }
  panel_of_ = weight.constant;
  return absl::OkStatus();
}

absl::Status WeightWriter::WriteWhole(const Weight& weight,
                                      const WeightLayout& layout,
                                      std::byte* to) {
  LAYERD_CHECK(layout == WeightLayout::Plain(layout.dtype, layout.shape),
               ToString(layout));
  if (weight.constant < 0) {
    // One of the two is empty.
    to = std::ranges::copy(std::as_bytes(std::span(weight.held)), to).out;
    std::ranges::copy(std::as_bytes(std::span(weight.held_integers)), to);
    return absl::OkStatus();
  }
  const Constant& constant = graph_.constants[weight.constant];
  if (layout.dtype == DataType::kF32) {
    return graph_.ReadF32(constant, 0,
                          {reinterpret_cast<float*>(to),
                           static_cast<size_t>(constant.element_count())});
  }
  if (layout.dtype == DataType::kI64 && constant.dtype != DataType::kI64) {
    ASSIGN_OR_RETURN(const std::vector<int64_t> wide, graph_.ReadI64(constant));
    std::memcpy(to, wide.data(), wide.size() * sizeof(int64_t));
    return absl::OkStatus();
  }
  if (constant.dtype != layout.dtype) {
    std::vector<float> wide(static_cast<size_t>(constant.element_count()));
    RETURN_IF_ERROR(graph_.ReadF32(constant, 0, wide));
    StoreElements(std::span<const float>(wide), layout.dtype, to);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::vector<std::byte> bytes,
                   graph_.ReadBytes(constant));
  std::memcpy(to, bytes.data(), bytes.size());
  return absl::OkStatus();
}

}  // namespace layerd
