#include "kernels/cuda/sketch.h"

#include <variant>
#include <vector>

#include "kernels/decoded_part.h"

namespace layerd::cuda {
namespace {

using Sizes = std::vector<int64_t>;

size_t InSteps(size_t bytes) {
  return (bytes + kScratchAlignment - 1) / kScratchAlignment *
         kScratchAlignment;
}

size_t BytesOf(const Sizes& shape, DataType dtype) {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  return InSteps(static_cast<size_t>(count) * SizeOf(dtype));
}

// With channels and padding beside it.
size_t MovedBytes(const TensorType& type, const Sizes& pads) {
  Sizes shape = type.shape;
  shape[1] = InWholeRuns(shape[1]);
  for (size_t d = 0; d < pads.size(); ++d) shape[2 + d] += pads[d];
  return BytesOf(shape, type.dtype);
}

size_t ScratchOf(const Convolution& op, const PartSpec& spec) {
  if (op.kernel_is_input) return 0;
  Sizes pads = op.pads_begin;
  for (size_t d = 0; d < pads.size(); ++d) pads[d] += op.pads_end[d];
  size_t bytes = kConvolutionWorkspaceBytesMax;
  bytes += MovedBytes(spec.inputs[0], pads);
  bytes += MovedBytes(spec.outputs[0], {});
  if (op.adds_residual) bytes += MovedBytes(spec.inputs[1], {});
  if (spec.inputs[0].dtype != DataType::kF16 || op.groups > 1) return bytes;
  Sizes kernel = spec.weights[0].layout.shape;
  for (size_t d : {0, 1}) kernel[d] = InWholeRuns(kernel[d]);
  bytes += BytesOf(kernel, DataType::kF16);
  return bytes + BytesOf({kernel[0]}, DataType::kF16);
}

size_t ScratchOf(const FullyConnected&, const PartSpec& spec) {
  return kProductWorkspaceBytesMax +
         BytesOf(spec.inputs[0].shape, spec.inputs[0].dtype);
}

size_t ScratchOf(const MatMul&, const PartSpec&) {
  return kProductWorkspaceBytesMax;
}

template <typename Op>
size_t ScratchOf(const Op&, const PartSpec&) {
  return 0;
}

class Sketch final : public Kernel {
 public:
  explicit Sketch(const PartSpec& spec)
      : scratch_bytes_(std::visit(
            [&](const auto& op) { return ScratchOf(op, spec); }, spec.op)),
        decoded_bytes_(IsNarrow(spec) ? WeightBytes(DecodedSpec(spec)) : 0) {}

  size_t scratch_bytes() const override { return Aligned(scratch_bytes_); }
  size_t decoded_bytes() const override { return Aligned(decoded_bytes_); }

 private:
  static size_t Aligned(size_t bytes) {
    return bytes == 0 ? 0 : bytes + kScratchAlignment;
  }

  const size_t scratch_bytes_, decoded_bytes_;
};

}  // namespace

std::unique_ptr<Kernel> SketchKernel(const PartSpec& spec) {
  return std::make_unique<Sketch>(spec);
}

}  // namespace layerd::cuda
