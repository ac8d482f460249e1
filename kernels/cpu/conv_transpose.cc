#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "config/status_macros.h"
#include "kernels/cpu/tiled_layer.h"
#include "kernels/cpu/weighted_kernel.h"
#include "kernels/cpu/window_part.h"

namespace layerd::cpu {
namespace {

using Sizes = std::vector<int64_t>;

// The library counts what makes the output longer as less padding.
WindowPart WindowPartOf(const ConvTranspose& op, const PartSpec& spec) {
  WindowPart part = {ChannelsOf(spec.inputs[0], InputChannels(op.groups, spec)),
                     ChannelsOf(spec.outputs[0], spec.channels),
                     op.pads_begin,
                     {}};
  const Sizes& kernel = spec.weights[0].layout.shape;
  const size_t spatial = op.strides.size();
  for (size_t d = 0; d < spatial; ++d) {
    const int64_t reach =
        (part.x.shape[2 + d] - 1) * op.strides[d] +
        (kernel[kernel.size() - spatial + d] - 1) * op.dilations[d] + 1;
    part.pads_end.push_back(reach - op.pads_begin[d] - part.y.shape[2 + d]);
  }
  return part;
}

absl::StatusOr<UniquePrimitiveDesc> Choose(const ConvTranspose& op,
                                           const WindowPart& part,
                                           const MemoryDesc& weights,
                                           const OneDnn& library) {
  return ChooseDeconvolution(library,
                             WindowProblemOf(op, part, weights, op.activation));
}

// Where a kernel is as large as its stride, each of its taps makes pixels of
// its own: a convolution of 1 x 1 whose outputs lie a stride apart.
bool TapsAreApart(const ConvTranspose& op, const PartSpec& spec) {
  const TensorType& x = spec.inputs[0];
  const TensorType& y = spec.outputs[0];
  if (Tiles() == nullptr || op.groups != 1 || op.strides.size() != 2 ||
      !ChannelsAreSideBySide(x) || !ChannelsAreSideBySide(y)) {
    return false;
  }
  for (size_t d = 0; d < 2; ++d) {
    if (spec.weights[0].layout.shape[2 + d] != op.strides[d] ||
        op.dilations[d] != 1 || op.pads_begin[d] != 0 ||
        y.shape[2 + d] != x.shape[2 + d] * op.strides[d]) {
      return false;
    }
  }
  return true;
}

// Tap by tap, each as tiles read it. `shape` is [O, I, window...].
WeightLayout TapsLayout(const Sizes& shape) {
  const WeightLayout tap = TiledLayout({shape[0], shape[1]});
  WeightLayout layout = WeightLayout::Plain(DataType::kF32, shape);
  layout.padded_shape[0] = tap.padded_shape[0];
  layout.blocks = tap.blocks;
  std::copy(tap.strides.begin(), tap.strides.end(), layout.strides.begin());
  auto stride = static_cast<int64_t>(tap.bytes() / sizeof(float));
  for (size_t d = shape.size(); d-- > 2; stride *= shape[d]) {
    layout.strides[d] = stride;
  }
  return layout;
}

TiledLayer LayerOfTap(const ConvTranspose& op, const PartSpec& spec, int64_t i,
                      int64_t j) {
  const Sizes& x = spec.inputs[0].shape;
  PixelPlace y = PixelsOf(spec.outputs[0], spec.channels.first, i);
  y.offset += j * y.column;
  y.row *= op.strides[0];
  y.column *= op.strides[1];
  return {.images = x[0],
          .rows = {.inputs = x[2], .count = x[2]},
          .columns = {.inputs = x[3], .count = x[3]},
          .inputs = x[1],
          .outputs = spec.channels.count,
          .x = PixelsOf(spec.inputs[0], 0, 0),
          .y = y,
          .residual = {},
          .activation = op.activation};
}

// Whether one kernel of tiles has all taps: pixels are read once for all of
// them. Weights that do not stay near come better tap by tap.
bool TapsAreNear(const WeightLayout& layout) {
  return layout.shape[1] <= TileSet::kRun &&
         static_cast<int64_t>(layout.bytes()) <=
             Tiles()->caches.weights_near_bytes;
}

TiledLayer LayerOfTaps(const ConvTranspose& op, const PartSpec& spec) {
  TiledLayer layer = LayerOfTap(op, spec, 0, 0);
  layer.y_offsets.clear();
  for (int64_t i = 0; i < op.strides[0]; ++i) {
    for (int64_t j = 0; j < op.strides[1]; ++j) {
      layer.y_offsets.push_back(LayerOfTap(op, spec, i, j).y.offset -
                                layer.y.offset);
    }
  }
  return layer;
}

class TapsKernel : public CpuKernel {
 public:
  TapsKernel(const ConvTranspose& op, const PartSpec& spec) {
    const Sizes& kernel = spec.weights[0].layout.shape;
    const WeightLayout layout = TiledLayout({kernel[0], kernel[1]});
    PartSpec tap = spec;
    tap.weights[0].layout = layout;
    for (int64_t i = 0; i < op.strides[0]; ++i) {
      for (int64_t j = 0; j < op.strides[1]; ++j) {
        taps_.push_back(MakeTiled(LayerOfTap(op, spec, i, j), tap));
        tap.weights[0].offset_bytes += layout.bytes();
        scratch_bytes_ =
            std::max(scratch_bytes_, taps_.back()->scratch_bytes());
      }
    }
  }

  std::string implementation() const override {
    return taps_[0]->implementation();
  }

  absl::Status Run(dnnl_stream_t stream, const PartMemory& memory) override {
    for (const auto& tap : taps_) RETURN_IF_ERROR(tap->Run(stream, memory));
    return absl::OkStatus();
  }

 private:
  std::vector<std::unique_ptr<CpuKernel>> taps_;
};

}  // namespace

absl::StatusOr<WeightLayout> KernelLayout(const ConvTranspose& op,
                                          const PartSpec& spec,
                                          const OneDnn& library) {
  if (op.kernel_is_input) return absl::UnimplementedError("no weights");
  if (TapsAreApart(op, spec)) return TapsLayout(spec.weights[0].layout.shape);
  const OneThread one_thread;
  ASSIGN_OR_RETURN(const UniquePrimitiveDesc desc,
                   Choose(op, WindowPartOf(op, spec),
                          AnyDescOf(spec.weights[0].layout.shape), library));
  return LayoutOf(WeightsOf(desc.get()));
}

KernelOr Make(const ConvTranspose& op, const PartSpec& spec,
              const OneDnn& library) {
  if (op.kernel_is_input) return absl::UnimplementedError("no weights");
  if (TapsAreApart(op, spec)) {
    if (TapsAreNear(spec.weights[0].layout)) {
      return MakeTiled(LayerOfTaps(op, spec), spec);
    }
    return std::make_unique<TapsKernel>(op, spec);
  }
  const WindowPart part = WindowPartOf(op, spec);
  ASSIGN_OR_RETURN(const MemoryDesc weights, DescOf(spec.weights[0].layout));
  ASSIGN_OR_RETURN(const UniquePrimitiveDesc desc,
                   Choose(op, part, weights, library));
  return WeightedKernel::Create(spec,
                                {part.x,
                                 part.y,
                                 ChannelsLastStrides(part.x.shape),
                                 ChannelsLastStrides(part.y.shape),
                                 op.activation,
                                 false,
                                 {}},
                                desc.get(), library);
}

}  // namespace layerd::cpu
