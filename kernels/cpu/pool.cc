#include <algorithm>
#include <array>
#include <limits>

#include "kernels/cpu/cpu_kernel.h"
#include "kernels/cpu/rows.h"
#include "kernels/cpu/staging.h"

namespace layerd::cpu {
namespace {

// Our own and not the library's, because windows that hang over the padding
// (ceil mode) have divisors of their own. Channels are contiguous: a window is
// a few rows of them, joined in the first-level cache.
constexpr int64_t kChannelBlock = 256;

// What a window reads in one dimension.
struct Reach {
  int64_t offset;  // Of the first element, in memory.
  int64_t step;    // From one element to the next, in memory.
  int64_t count;
  int64_t divisor;
};

Reach ReachOf(const Pool& op, size_t d, int64_t size, int64_t stride,
              int64_t output) {
  const int64_t dilation = op.dilations[d];
  const int64_t begin = output * op.strides[d] - op.pads_begin[d];
  const auto before = [&](int64_t end) {  // Elements of the window before end.
    const int64_t room = end - begin;
    if (room <= 0) return int64_t{0};
    return std::min((room + dilation - 1) / dilation, op.kernel[d]);
  };
  const int64_t skipped = before(0);
  const int64_t inside = before(size) - skipped;
  const int64_t padded = before(size + op.pads_end[d]);
  return {(begin + skipped * dilation) * stride, dilation * stride, inside,
          op.count_include_pad ? padded : inside};
}

class PoolKernel : public CpuKernel {
 public:
  PoolKernel(const Pool& op, const PartSpec& spec);
  absl::Status Run(dnnl_stream_t stream, const PartMemory& memory) override;

 private:
  using Window = std::array<const Reach*, 3>;
  void Join(const Window& window, const float* x, float* y,
            int64_t channels) const;

  Pool::Kind kind_;
  StagedInput x_;
  StagedOutput y_;
  int64_t images_, channels_, x_image_;
  int64_t work_ = 1;                           // Elements read.
  std::array<std::vector<Reach>, 3> reaches_;  // By place, of the output.
};

PoolKernel::PoolKernel(const Pool& op, const PartSpec& spec)
    : kind_(op.kind),
      images_(spec.inputs[0].shape[0]),
      channels_(spec.inputs[0].shape[1]) {
  const Slice x{spec.inputs[0].shape, spec.inputs[0].strides};
  const Slice y{spec.outputs[0].shape, spec.outputs[0].strides};
  const std::vector<int64_t> x_order = ChannelsLastStrides(x.shape);
  const std::vector<int64_t> y_order = ChannelsLastStrides(y.shape);
  ScratchPlan scratch;
  x_ = StagedInput(x, x_order, scratch);
  y_ = StagedOutput(y, y_order, scratch);
  scratch_bytes_ = scratch.bytes();
  x_image_ = x_order[0];
  reaches_.fill({Reach{0, 0, 1, 1}});
  const size_t spatial = op.kernel.size();
  for (size_t d = 0; d < spatial; ++d) {
    std::vector<Reach>& reaches = reaches_[3 - spatial + d];
    reaches.clear();
    for (int64_t place = 0; place < y.shape[2 + d]; ++place) {
      reaches.push_back(ReachOf(op, d, x.shape[2 + d], x_order[2 + d], place));
    }
    work_ *= op.kernel[d];
  }
  work_ *= spec.outputs[0].element_count();
}

void PoolKernel::Join(const Window& window, const float* x, float* y,
                      int64_t channels) const {
  const auto& [depth, height, width] = window;
  const bool max = kind_ == Pool::Kind::kMax;
  std::fill(y, y + channels, max ? std::numeric_limits<float>::lowest() : 0);
  for (int64_t a = 0; a < depth->count; ++a) {
    for (int64_t b = 0; b < height->count; ++b) {
      const float* row = x + depth->offset + a * depth->step + height->offset +
                         b * height->step + width->offset;
      for (int64_t c = 0; c < width->count; ++c) {
        max ? MaxRow(row + c * width->step, y, channels)
            : AddRow(row + c * width->step, y, channels);
      }
    }
  }
  const int64_t divisor = depth->divisor * height->divisor * width->divisor;
  if (!max && divisor > 0) ScaleRow(1.0f / divisor, y, channels);
}

absl::Status PoolKernel::Run(dnnl_stream_t, const PartMemory& memory) {
  const float* x = x_.Ready(memory.inputs[0], memory.scratch);
  float* y = y_.Target(memory.outputs[0], memory.scratch);
  const int64_t depth = reaches_[0].size();
  const int64_t height = reaches_[1].size();
  const int64_t width = reaches_[2].size();
  const int64_t blocks = (channels_ + kChannelBlock - 1) / kChannelBlock;
  ParallelRanges(images_ * depth * height * width * blocks, work_,
                 [&](int64_t begin, int64_t end) {
                   for (int64_t at = begin; at < end; ++at) {
                     const int64_t channel = at % blocks * kChannelBlock;
                     const int64_t place = at / blocks;
                     const int64_t image = place / (width * height * depth);
                     const Window window = {
                         &reaches_[0][place / (width * height) % depth],
                         &reaches_[1][place / width % height],
                         &reaches_[2][place % width]};
                     Join(window, x + image * x_image_ + channel,
                          y + place * channels_ + channel,
                          std::min(kChannelBlock, channels_ - channel));
                   }
                 });
  y_.Finish(memory.outputs[0], memory.scratch, nullptr);
  return absl::OkStatus();
}

}  // namespace

KernelOr Make(const Pool& op, const PartSpec& spec, const OneDnn&) {
  return std::make_unique<PoolKernel>(op, spec);
}

}  // namespace layerd::cpu
