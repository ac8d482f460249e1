#include <algorithm>
#include <array>

#include "kernels/cpu/cpu_kernel.h"
#include "kernels/cpu/parallel.h"
#include "kernels/cpu/rows.h"
#include "kernels/cpu/staging.h"

namespace layerd::cpu {
namespace {

// Our own and not the library's, because windows that hang over the padding
// (ceil mode) have divisors of their own. Channels are contiguous: a window is
// a few rows of them, joined in registers.

// What is shared among threads where there are fewer lines than those.
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
  int64_t lines() const { return images_ * size(0) * size(1); }
  int64_t size(size_t d) const {
    return static_cast<int64_t>(reaches_[d].size());
  }
  void RunLine(int64_t line, int64_t block, const float* x, float* y) const;
  void Join(const Window& window, const float* x, float* y,
            int64_t channels) const;

  Pool::Kind kind_;
  StagedInput x_;
  StagedOutput y_;
  int64_t images_, channels_, x_image_;
  int64_t blocks_ = 1;  // Of the channels of a line.
  int64_t work_;        // Elements read; more than can be counted are the most.
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
    reaches.reserve(y.shape[2 + d]);
    for (int64_t place = 0; place < y.shape[2 + d]; ++place) {
      reaches.push_back(ReachOf(op, d, x.shape[2 + d], x_order[2 + d], place));
    }
  }
  std::vector<int64_t> read = y.shape;
  read.insert(read.end(), op.kernel.begin(), op.kernel.end());
  work_ = TensorType{DataType::kF32, read, {}}.element_count();
  // A picture that becomes one pixel is one line, but not one thread's.
  if (lines() < ThreadsMax()) {
    blocks_ = (channels_ + kChannelBlock - 1) / kChannelBlock;
  }
}

void PoolKernel::Join(const Window& window, const float* x, float* y,
                      int64_t channels) const {
  const auto& [depth, height, width] = window;
  const PoolWindow rows = {x + depth->offset + height->offset + width->offset,
                           {depth->count, height->count, width->count},
                           {depth->step, height->step, width->step}};
  if (kind_ == Pool::Kind::kMax) return MaxOfWindow(rows, y, channels);
  const int64_t divisor = depth->divisor * height->divisor * width->divisor;
  SumOfWindow(rows, divisor > 0 ? 1.0f / divisor : 1.0f, y, channels);
}

// Places are counted, not divided: that took as long as a window.
void PoolKernel::RunLine(int64_t line, int64_t block, const float* x,
                         float* y) const {
  const int64_t image = line / (size(1) * size(0));
  Window window = {&reaches_[0][line / size(1) % size(0)],
                   &reaches_[1][line % size(1)], nullptr};
  const int64_t first = channels_ * block / blocks_;
  const int64_t channels = channels_ * (block + 1) / blocks_ - first;
  float* to = y + line * size(2) * channels_ + first;
  for (const Reach& reach : reaches_[2]) {
    window[2] = &reach;
    Join(window, x + image * x_image_ + first, to, channels);
    to += channels_;
  }
}

absl::Status PoolKernel::Run(dnnl_stream_t, const PartMemory& memory) {
  const float* x = x_.Ready(memory.inputs[0], memory.scratch);
  float* y = y_.Target(memory.outputs[0], memory.scratch);
  ParallelRanges(lines() * blocks_, work_, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      RunLine(i / blocks_, i % blocks_, x, y);
  });
  y_.Finish(memory.outputs[0], memory.scratch, nullptr);
  return absl::OkStatus();
}

}  // namespace

KernelOr Make(const Pool& op, const PartSpec& spec, const OneDnn&) {
  return std::make_unique<PoolKernel>(op, spec);
}

}  // namespace layerd::cpu
