// Parts whose weights are stored narrow: decoded into scratch by a kernel of
// our own, and there a part like any other.
#include <utility>

#include "config/status_macros.h"
#include "kernels/cuda/cuda_kernel.h"
#include "kernels/cuda/slice.h"
#include "kernels/cuda/status.h"
#include "kernels/decoded_part.h"

namespace layerd::cuda {
namespace {

class DecodingKernel final : public CudaKernel {
 public:
  DecodingKernel(const PartSpec& stored, std::unique_ptr<CudaKernel> inner)
      : CudaKernel(stored),
        inner_(std::move(inner)),
        decoded_(DecodedSpec(stored)),
        kernel_offset_(stored.weights[0].offset_bytes) {
    TakeScratch(inner_->needed_scratch_bytes());
    const WeightLayout& layout = stored.weights[0].layout;
    const Slice kernel{layout.shape, layout.strides, 0};
    operands_ = OperandsFor(layout.shape);
    operands_.y = OperandOf(kernel, decoded_.weights[0].layout.dtype);
    operands_.x[0] = OperandOf(kernel, layout.dtype);
    arguments_.from = static_cast<int>(layout.dtype);
    if (const auto scales = ScalesOf(stored)) {
      arguments_.has_scales = 1;
      scales_offset_ = stored.weights[*scales].offset_bytes;
      operands_.x[1].span_bytes = stored.channels.count * 4;
      for (size_t d = 0; d < layout.shape.size(); ++d) {
        operands_.x[1].strides[d] = ChannelStep(stored, d);
      }
    }
    if (decoded_.weights.size() > 1) DescribeBias(stored);
  }

  size_t decoded_bytes() const override {
    return WeightBytes(decoded_) + kScratchAlignment;
  }
  const char* implementation() const override {
    return inner_->implementation();
  }

  absl::Status Launch(const Device& device,
                      const DeviceMemory& memory) override {
    const cudaStream_t stream = device.compute.get();
    Operands kernel = operands_;
    kernel.y.data = memory.decoded;
    kernel.x[0].data = memory.weights + kernel_offset_;
    if (arguments_.has_scales) {
      kernel.x[1].data = memory.weights + scales_offset_;
    }
    RETURN_IF_ERROR(
        FromCuda(LaunchDecode(kernel, arguments_, stream), "decode"));
    if (decoded_.weights.size() > 1) {
      Operands bias = bias_;
      bias.y.data = memory.decoded + decoded_.weights[1].offset_bytes;
      bias.x[0].data = memory.weights + bias_offset_;
      RETURN_IF_ERROR(FromCuda(LaunchMove(bias, bias_move_, stream), "move"));
    }
    DeviceMemory decoded = memory;
    decoded.weights = memory.decoded;
    return inner_->Launch(device, decoded);
  }

 private:
  void DescribeBias(const PartSpec& stored) {
    const Slice line{stored.weights[1].layout.shape, {1}, 0};
    bias_offset_ = stored.weights[1].offset_bytes;
    const DataType type = stored.weights[1].layout.dtype;
    DescribeMove(line, type, line, type, {}, &bias_, &bias_move_);
  }

  const std::unique_ptr<CudaKernel> inner_;
  const PartSpec decoded_;
  const size_t kernel_offset_;
  size_t scales_offset_ = 0, bias_offset_ = 0;
  Operands operands_, bias_;
  DecodeArguments arguments_;
  MoveArguments bias_move_;
};

}  // namespace

std::unique_ptr<CudaKernel> MakeDecoding(const PartSpec& stored,
                                         std::unique_ptr<CudaKernel> decoded) {
  return std::make_unique<DecodingKernel>(stored, std::move(decoded));
}

}  // namespace layerd::cuda
