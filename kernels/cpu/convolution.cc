#include <algorithm>
#include <optional>

#include "config/status_macros.h"
#include "kernels/cpu/depthwise.h"
#include "kernels/cpu/row_split.h"
#include "kernels/cpu/tiled_layer.h"
#include "kernels/cpu/weighted_kernel.h"
#include "kernels/cpu/window_part.h"
#include "kernels/cpu/winograd_layer.h"

namespace layerd::cpu {
namespace {

using Sizes = std::vector<int64_t>;

void CutRows(const Range& rows, Slice& slice) {
  slice.offset += rows.first * slice.strides[2];
  slice.shape[2] = rows.count;
}

WindowPart WholeRows(const Convolution& op, const PartSpec& spec) {
  return {ChannelsOf(spec.inputs[0], InputChannels(op.groups, spec)),
          ChannelsOf(spec.outputs[0], spec.channels), op.pads_begin,
          op.pads_end};
}

// Output rows need a range of input rows, and padding only where that range
// hangs over the picture.
absl::StatusOr<WindowPart> PartRows(const Convolution& op,
                                    const PartSpec& spec) {
  WindowPart part = WholeRows(op, spec);
  if (spec.rows.count == part.y.shape[2]) return part;
  const Sizes& kernel = spec.weights[0].layout.shape;
  const int64_t window = kernel[kernel.size() - op.strides.size()];
  const int64_t reach = (window - 1) * op.dilations[0];
  const int64_t begin = spec.rows.first * op.strides[0] - op.pads_begin[0];
  const int64_t last = begin + (spec.rows.count - 1) * op.strides[0] + reach;
  const int64_t first_row = std::max<int64_t>(begin, 0);
  const int64_t last_row = std::min(last, part.x.shape[2] - 1);
  if (last_row < first_row) {
    return absl::UnimplementedError("rows that see nothing but padding");
  }
  part.pads_begin[0] = first_row - begin;
  part.pads_end[0] = last - last_row;
  CutRows({first_row, last_row - first_row + 1}, part.x);
  CutRows(spec.rows, part.y);
  return part;
}

// A residual is added when the part's rows are still in the cache, and the
// activation after it: the library's own sum leaves its fast kernels.
Activation FusedActivation(const Convolution& op) {
  return op.adds_residual ? Activation{} : op.activation;
}

absl::StatusOr<UniquePrimitiveDesc> Choose(const Convolution& op,
                                           const WindowPart& part,
                                           const MemoryDesc& weights,
                                           const OneDnn& library) {
  return ChooseConvolution(
      library, WindowProblemOf(op, part, weights, FusedActivation(op)));
}

// Of dimension `d` of the picture.
WindowSpan SpanOf(const Convolution& op, const PartSpec& spec, size_t d,
                  const Range& range) {
  const Sizes& kernel = spec.weights[0].layout.shape;
  return {.inputs = spec.inputs[0].shape[2 + d],
          .first = range.first,
          .count = range.count,
          .stride = op.strides[d],
          .dilation = op.dilations[d],
          .pad = op.pads_begin[d],
          .kernel = kernel[kernel.size() - op.strides.size() + d]};
}

bool IsDepthwise(const Convolution& op, const PartSpec& spec) {
  return op.groups > 1 && op.groups == spec.inputs[0].shape[1] &&
         op.groups == spec.outputs[0].shape[1];
}

// What our own loops compute: pictures and lines of pixels, in one group or in
// as many as there are channels.
std::optional<TiledLayer> AsTiled(const Convolution& op, const PartSpec& spec) {
  const size_t spatial = op.strides.size();
  const bool is_depthwise = IsDepthwise(op, spec);
  if ((Tiles() == nullptr || op.groups != 1) && !is_depthwise) {
    return std::nullopt;
  }
  if (spatial > 2 || !ChannelsAreSideBySide(spec.inputs[0]) ||
      !ChannelsAreSideBySide(spec.outputs[0]) ||
      (op.adds_residual && !ChannelsAreSideBySide(spec.inputs[1]))) {
    return std::nullopt;
  }
  TiledLayer layer{
      .images = spec.inputs[0].shape[0],
      .rows = {},
      .columns = {},
      .inputs = spec.inputs[0].shape[1] / op.groups,
      .outputs = spec.channels.count,
      .x = PixelsOf(spec.inputs[0], is_depthwise ? spec.channels.first : 0, 0),
      .y = PixelsOf(spec.outputs[0], spec.channels.first, spec.rows.first),
      .residual = {},
      .adds_residual = op.adds_residual,
      .activation = op.activation};
  (spatial == 2 ? layer.rows : layer.columns) = SpanOf(op, spec, 0, spec.rows);
  if (spatial == 2) {
    layer.columns = SpanOf(op, spec, 1, {0, spec.outputs[0].shape[3]});
  }
  if (op.adds_residual) {
    layer.residual =
        PixelsOf(spec.inputs[1], spec.channels.first, spec.rows.first);
  }
  return layer;
}

KernelOr MakeRowsOf(const PartSpec& spec, const OneDnn& library) {
  const auto& op = std::get<Convolution>(spec.op);
  ASSIGN_OR_RETURN(const WindowPart part, PartRows(op, spec));
  ASSIGN_OR_RETURN(const MemoryDesc weights, DescOf(spec.weights[0].layout));
  ASSIGN_OR_RETURN(const UniquePrimitiveDesc desc,
                   Choose(op, part, weights, library));
  WeightedKernel::Plan plan{part.x,
                            part.y,
                            ChannelsLastStrides(part.x.shape),
                            ChannelsLastStrides(part.y.shape),
                            op.activation,
                            op.adds_residual,
                            {}};
  if (op.adds_residual) {
    plan.residual = ChannelsOf(spec.inputs[1], spec.channels);
    CutRows(spec.rows, plan.residual);
  }
  return WeightedKernel::Create(spec, plan, desc.get(), library);
}

}  // namespace

absl::StatusOr<WeightLayout> KernelLayout(const Convolution& op,
                                          const PartSpec& spec,
                                          const OneDnn& library) {
  if (op.kernel_is_input) return absl::UnimplementedError("no weights");
  const WeightLayout& given = spec.weights[0].layout;
  if (given.transform == WeightLayout::Transform::kWinograd) {
    auto tiled = AsTiled(op, spec);
    const bool part_fits = tiled && op.groups == 1 && FitsWinograd(*tiled);
    if (part_fits) {  // Else the cut does not matter.
      tiled->outputs = spec.outputs[0].shape[1];
      tiled->rows.count = spec.outputs[0].shape[2];
    }
    // A wish when packing; what is stored must only be possible.
    const bool is_wish = given.blocks.empty();
    if (part_fits && FitsWinograd(*tiled) &&
        (!is_wish || PaysOffAsWinograd(*tiled))) {
      return WinogradLayout(given.shape);
    }
  }
  if (const auto tiled = AsTiled(op, spec); tiled && FitsTiles(*tiled)) {
    return op.groups == 1 ? TiledLayout(spec.weights[0].layout.shape)
                          : DepthwiseLayout(spec.weights[0].layout.shape);
  }
  const OneThread one_thread;
  ASSIGN_OR_RETURN(const UniquePrimitiveDesc desc,
                   Choose(op, WholeRows(op, spec),
                          AnyDescOf(spec.weights[0].layout.shape), library));
  return LayoutOf(WeightsOf(desc.get()));
}

KernelOr Make(const Convolution& op, const PartSpec& spec,
              const OneDnn& library) {
  if (op.kernel_is_input) return absl::UnimplementedError("no weights");
  if (const auto tiled = AsTiled(op, spec); tiled && FitsTiles(*tiled)) {
    if (spec.weights[0].layout.transform ==
        WeightLayout::Transform::kWinograd) {
      return MakeWinograd(*tiled, spec);
    }
    return op.groups == 1 ? MakeTiled(*tiled, spec)
                          : MakeDepthwise(*tiled, spec);
  }
  return MakeFast(spec, library, MakeRowsOf);
}

}  // namespace layerd::cpu
