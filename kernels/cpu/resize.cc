// Resize: a line of y is made of lines of x that are weighted and summed, and
// then of pixels of that sum.
#include <algorithm>
#include <limits>
#include <span>

#include "kernels/cpu/cpu_kernel.h"
#include "kernels/cpu/parallel.h"
#include "kernels/cpu/rows.h"
#include "kernels/resize_taps.h"

namespace layerd::cpu {
namespace {

struct Dimension {
  int64_t x_stride, y_stride, count;  // Of y.
  ResizeTaps taps;
};

// What stays in the first-level cache beside the line that it becomes.
constexpr int64_t kSumElements = 4096;
// Up to here elements are looked up one by one.
constexpr int64_t kFewChannels = 4;

// Pixels of a line of y, and the pixels of x that they are made of. Who has
// fewer taps than others takes a pixel of zeros, behind those of x.
struct Block {
  int64_t first, count;
  int64_t x_first = 0, x_count = 0;
  int64_t taps = 0;
  bool needs_zeros = false;
  // Each pixel of x stands there so many times, side by side, and has one
  // channel; 0 if that is not so.
  int64_t times = 0;
  size_t at = 0;  // Of its numbers: all first taps, all second ones ...
};

// As many pixels from `to` on as `x_count_max` pixels of x will do for.
Block BlockAt(const Dimension& line, int64_t to, int64_t x_count_max) {
  Block block{to, 0};
  int64_t low = std::numeric_limits<int64_t>::max(), high = 0;
  size_t least = std::numeric_limits<size_t>::max(), most = 0;
  for (; to < line.count; ++to, ++block.count) {
    const std::span<const ResizeTaps::Tap> taps = line.taps.Of(to);
    int64_t first = low, end = high;
    for (const ResizeTaps::Tap& tap : taps) {
      first = std::min(first, tap.from);
      end = std::max(end, tap.from + 1);
    }
    const bool is_outside = taps.empty();
    if (block.count > 0 &&
        (is_outside != (most == 0) || end - first > x_count_max)) {
      break;
    }
    low = first, high = end;
    least = std::min(least, taps.size()), most = std::max(most, taps.size());
  }
  if (most > 0) block.x_first = low, block.x_count = high - low;
  block.taps = static_cast<int64_t>(most);
  block.needs_zeros = least < most;
  return block;
}

std::vector<Block> BlocksOf(const Dimension& line, int64_t channels) {
  std::vector<Block> blocks;
  const int64_t x_count_max = std::max<int64_t>(kSumElements / channels, 1);
  for (int64_t to = 0; to < line.count; to += blocks.back().count) {
    blocks.push_back(BlockAt(line, to, x_count_max));
  }
  return blocks;
}

// How often each of the pixels stands that are taken one after the other, as
// they are; 0 where that is not so. The last one may stand less often.
int64_t TimesOf(std::span<const int32_t> from, std::span<const float> weight) {
  const auto is_first = [&](int32_t place) { return place == from[0]; };
  const auto times =
      std::find_if_not(from.begin(), from.end(), is_first) - from.begin();
  for (size_t i = 0; i < from.size(); ++i) {
    if (from[i] != static_cast<int64_t>(i) / times || weight[i] != 1) return 0;
  }
  return times;
}

// Elements of a dimension of y that are made as the ones before them.
std::vector<bool> RepeatsOf(const Dimension& dimension) {
  std::vector<bool> repeats(static_cast<size_t>(dimension.count));
  const auto is_same = [](const ResizeTaps::Tap& a, const ResizeTaps::Tap& b) {
    return a.from == b.from && a.weight == b.weight;
  };
  for (int64_t to = 1; to < dimension.count; ++to) {
    const auto before = dimension.taps.Of(to - 1);
    const auto taps = dimension.taps.Of(to);
    repeats[to] = std::equal(taps.begin(), taps.end(), before.begin(),
                             before.end(), is_same);
  }
  return repeats;
}

class ResizeKernel : public CpuKernel {
 public:
  ResizeKernel(const Resize& op, const PartSpec& spec)
      : value_(op.extrapolation_value),
        elements_(spec.outputs[0].element_count()) {
    const TensorType& x = spec.inputs[0];
    const TensorType& y = spec.outputs[0];
    for (size_t d = 0; d < x.shape.size(); ++d) {
      outer_.push_back({x.strides[d], y.strides[d], y.shape[d],
                        ResizeTaps(op, d, x.shape[d], y.shape[d])});
    }
    std::stable_sort(outer_.begin(), outer_.end(),
                     [](const Dimension& a, const Dimension& b) {
                       return a.y_stride > b.y_stride;
                     });
    PlanLines();
    Tabulate();
  }

  absl::Status Run(dnnl_stream_t, const PartMemory& memory) override {
    const auto* x = reinterpret_cast<const float*>(memory.inputs[0]);
    auto* y = reinterpret_cast<float*>(memory.outputs[0]);
    const auto blocks = static_cast<int64_t>(blocks_.size());
    ParallelRanges(lines_ * blocks, elements_, [&](int64_t begin, int64_t end) {
      float* const sum =
          reinterpret_cast<float*>(memory.scratch) + ThreadNow() * sum_size_;
      for (int64_t n = begin; n < end; ++n) {
        const Block& block = blocks_[n % blocks];
        n - blocks >= begin && Repeats(n / blocks)
            ? CopyLineBefore(n / blocks, block, y)
            : Compute(n / blocks, block, x, y, sum);
      }
    });
    return absl::OkStatus();
  }

 private:
  // The densest dimension are channels, if it rests as it is and is one run;
  // the next one is the line.
  void PlanLines() {
    if (!outer_.empty() && outer_.back().x_stride == 1 &&
        outer_.back().y_stride == 1 && outer_.back().taps.is_identity()) {
      channels_ = outer_.back().count;
      outer_.pop_back();
    }
    if (outer_.empty()) {
      blocks_ = {{.first = 0, .count = 1, .x_count = 1, .taps = 1}};
      from_ = {0}, weight_ = {1};
    } else {
      blocks_ = BlocksOf(outer_.back(), channels_);
      x_step_ = outer_.back().x_stride, y_step_ = outer_.back().y_stride;
    }
    // Whoever computes tiles leaves gaps between pixels of few channels.
    pitch_ =
        x_step_ <= 2 * channels_ ? std::max(x_step_, channels_) : channels_;
    looks_up_ = channels_ <= kFewChannels && y_step_ == channels_;
    for (const Block& block : blocks_) {
      sum_size_ = std::max(sum_size_, (block.x_count + 1) * pitch_);
    }
    scratch_bytes_ =
        static_cast<size_t>(ThreadsMax() * sum_size_) * sizeof(float);
  }

  // Places and weights of each pixel of a line, or of each element of it.
  void Tabulate() {
    if (outer_.empty()) return;
    const ResizeTaps& taps = outer_.back().taps;
    const int64_t each = looks_up_ ? channels_ : 1;
    int64_t places = 0;
    for (const Block& block : blocks_) {
      places += block.taps * block.count * each;
    }
    from_.reserve(places);
    weight_.reserve(places);
    for (Block& block : blocks_) {
      block.at = from_.size();
      for (int64_t t = 0; t < block.taps; ++t) {
        for (int64_t to = block.first; to < block.first + block.count; ++to) {
          const std::span<const ResizeTaps::Tap> own = taps.Of(to);
          ResizeTaps::Tap tap{block.x_first + block.x_count, 0};
          if (static_cast<size_t>(t) < own.size()) tap = own[t];
          const int64_t from = (tap.from - block.x_first) * pitch_;
          for (int64_t c = 0; c < each; ++c) {
            from_.push_back(static_cast<int32_t>(from + c));
            weight_.push_back(tap.weight);
          }
        }
      }
      if (looks_up_ && channels_ == 1 && block.taps == 1) {
        block.times = TimesOf(std::span(from_).subspan(block.at),
                              std::span(weight_).subspan(block.at));
      }
    }
    outer_.pop_back();
    if (looks_up_ && !outer_.empty()) repeats_ = RepeatsOf(outer_.back());
    for (const Dimension& d : outer_) lines_ *= d.count;
  }

  // Whether line `n` is as the one before it, and copying pays off.
  bool Repeats(int64_t n) const {
    return !repeats_.empty() && repeats_[n % outer_.back().count];
  }

  void CopyLineBefore(int64_t n, const Block& block, float* y) const {
    y += block.first * y_step_;
    for (size_t d = outer_.size(); d-- > 0; n /= outer_[d].count) {
      y += n % outer_[d].count * outer_[d].y_stride;
    }
    CopyRow(y - outer_.back().y_stride, y, block.count * channels_);
  }

  // A block of line `n`.
  void Compute(int64_t n, const Block& block, const float* x, float* y,
               float* sum) const {
    std::array<int64_t, kRankMax> index{};
    bool inside = block.taps > 0;
    for (size_t d = outer_.size(); d-- > 0; n /= outer_[d].count) {
      index[d] = n % outer_[d].count;
      y += index[d] * outer_[d].y_stride;
      inside = inside && !outer_[d].taps.Of(index[d]).empty();
    }
    y += block.first * y_step_;
    if (!inside) return Fill(block, y);
    const float* const line = Summed(index, block, x, sum);
    const PixelTaps taps{from_.data() + block.at, weight_.data() + block.at,
                         block.taps};
    if (block.times > 0) {
      RepeatElements(line, block.times, block.count, y);
    } else if (looks_up_) {
      MixElements(line, taps, block.count * channels_, y);
    } else {
      MixPixels(line, taps, block.count, channels_, y, y_step_);
    }
  }

  void Fill(const Block& block, float* y) const {
    for (int64_t i = 0; i < block.count; ++i, y += y_step_) {
      std::fill(y, y + channels_, value_);
    }
  }

  // What a block needs of the lines of x, one pixel behind the other: in `sum`,
  // or where it is.
  const float* Summed(const std::array<int64_t, kRankMax>& index,
                      const Block& block, const float* x, float* sum) const {
    x += block.x_first * x_step_;
    if (!block.needs_zeros && (x_step_ == pitch_ || block.x_count == 1)) {
      if (const float* line = OnlyLine(index, x)) return line;
    }
    bool is_first = true;
    AddLines(0, index, block.x_count, x, 1, sum, is_first);
    float* const zeros = sum + block.x_count * pitch_;
    std::fill(zeros, zeros + channels_, 0.0f);
    return sum;
  }

  // The one line of x that is taken as it is; null if there is none.
  const float* OnlyLine(const std::array<int64_t, kRankMax>& index,
                        const float* x) const {
    for (size_t d = 0; d < outer_.size(); ++d) {
      const auto taps = outer_[d].taps.Of(index[d]);
      if (taps.size() != 1 || taps[0].weight != 1) return nullptr;
      x += taps[0].from * outer_[d].x_stride;
    }
    return x;
  }

  void AddLines(size_t d, const std::array<int64_t, kRankMax>& index,
                int64_t pixels, const float* x, float weight, float* sum,
                bool& is_first) const {
    if (d < outer_.size()) {
      for (const ResizeTaps::Tap& tap : outer_[d].taps.Of(index[d])) {
        AddLines(d + 1, index, pixels, x + tap.from * outer_[d].x_stride,
                 weight * tap.weight, sum, is_first);
      }
      return;
    }
    const bool is_run = x_step_ == pitch_;
    const int64_t rows = is_run ? 1 : pixels;
    const int64_t size = is_run ? (pixels - 1) * pitch_ + channels_ : channels_;
    for (int64_t row = 0; row < rows; ++row, x += x_step_, sum += pitch_) {
      is_first ? ScaledRow(weight, x, sum, size)
               : AddScaledRow(weight, x, sum, size);
    }
    is_first = false;
  }

  std::vector<Dimension> outer_;  // The densest last.
  int64_t channels_ = 1;
  int64_t x_step_ = 0, y_step_ = 0;  // From pixel to pixel.
  int64_t pitch_ = 1;                // The same, in the sum.
  std::vector<Block> blocks_;
  std::vector<int32_t> from_;
  std::vector<float> weight_;
  bool looks_up_ = false;
  std::vector<bool> repeats_;  // Of the densest outer dimension.
  int64_t lines_ = 1;
  int64_t sum_size_ = 0;
  float value_;
  int64_t elements_;
};

}  // namespace

KernelOr Make(const Resize& op, const PartSpec& spec, const OneDnn&) {
  return std::make_unique<ResizeKernel>(op, spec);
}

}  // namespace layerd::cpu
