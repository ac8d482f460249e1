#include "config/status_macros.h"
#include "kernels/cpu/weighted_kernel.h"

namespace layerd::cpu {
namespace {

using Sizes = std::vector<int64_t>;

// The channels of one part, as a transposed convolution of its own.
struct Geometry {
  Slice x, y;
  Sizes pads_end;
};

Slice ChannelsOf(const TensorType& type, const Range& channels) {
  Slice slice{type.shape, type.strides, channels.first * type.strides[1]};
  slice.shape[1] = channels.count;
  return slice;
}

// With groups, the input channels of the part's groups.
Range InputChannels(const ConvTranspose& op, const PartSpec& spec) {
  const int64_t inputs = spec.inputs[0].shape[1] / op.groups;
  if (op.groups == 1) return {0, inputs};
  const int64_t outputs = spec.outputs[0].shape[1] / op.groups;
  return {spec.channels.first / outputs * inputs,
          spec.channels.count / outputs * inputs};
}

// The library counts what makes the output longer as less padding.
Geometry GeometryOf(const ConvTranspose& op, const PartSpec& spec) {
  Geometry part = {ChannelsOf(spec.inputs[0], InputChannels(op, spec)),
                   ChannelsOf(spec.outputs[0], spec.channels),
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

absl::StatusOr<UniquePrimitiveDesc> Describe(const ConvTranspose& op,
                                             const Geometry& part,
                                             const dnnl_memory_desc_t& weights,
                                             const OneDnn& library) {
  const auto x = DescOf(part.x.shape, ChannelsLastStrides(part.x.shape));
  const auto y = DescOf(part.y.shape, ChannelsLastStrides(part.y.shape));
  const auto bias = DescOf(Sizes{part.y.shape[1]}, Sizes{1});
  Sizes gaps = op.dilations;  // The library counts what lies between.
  for (int64_t& gap : gaps) --gap;
  dnnl_deconvolution_desc_t desc;
  RETURN_IF_ERROR(FromDnnl(
      dnnl_dilated_deconvolution_forward_desc_init(
          &desc, dnnl_forward_inference, dnnl_deconvolution_direct, &x,
          &weights, op.has_bias ? &bias : nullptr, &y, op.strides.data(),
          gaps.data(), op.pads_begin.data(), part.pads_end.data()),
      "transposed convolution"));
  ASSIGN_OR_RETURN(const UniqueAttributes attributes,
                   AttributesWith(op.activation));
  return CreateDesc(library, &desc, attributes.get());
}

}  // namespace

absl::StatusOr<WeightLayout> KernelLayout(const ConvTranspose& op,
                                          const PartSpec& spec,
                                          const OneDnn& library) {
  if (op.kernel_is_input) return absl::UnimplementedError("no weights");
  const OneThread one_thread;
  ASSIGN_OR_RETURN(const UniquePrimitiveDesc desc,
                   Describe(op, GeometryOf(op, spec),
                            AnyDescOf(spec.weights[0].layout.shape), library));
  return LayoutOf(WeightsOf(desc.get()));
}

KernelOr Make(const ConvTranspose& op, const PartSpec& spec,
              const OneDnn& library) {
  if (op.kernel_is_input) return absl::UnimplementedError("no weights");
  const Geometry part = GeometryOf(op, spec);
  ASSIGN_OR_RETURN(const UniquePrimitiveDesc desc,
                   Describe(op, part, DescOf(spec.weights[0].layout), library));
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
