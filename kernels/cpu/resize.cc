// Resize: rows that are weighted and summed, or single elements where the
// densest dimension itself is resized.
#include <algorithm>

#include "kernels/cpu/cpu_kernel.h"
#include "kernels/cpu/loop_nest.h"
#include "kernels/cpu/rows.h"
#include "kernels/resize_taps.h"

namespace layerd::cpu {
namespace {

struct Dimension {
  int64_t x_stride, y_stride, count;  // Of y.
  ResizeTaps taps;
};

class ResizeKernel : public CpuKernel {
 public:
  ResizeKernel(const Resize& op, const PartSpec& spec)
      : value_(op.extrapolation_value),
        elements_(spec.outputs[0].element_count()) {
    const TensorType& x = spec.inputs[0];
    const TensorType& y = spec.outputs[0];
    for (size_t d = 0; d < x.shape.size(); ++d) {
      dimensions_.push_back({x.strides[d], y.strides[d], y.shape[d],
                             ResizeTaps(op, d, x.shape[d], y.shape[d])});
    }
    std::stable_sort(dimensions_.begin(), dimensions_.end(),
                     [](const Dimension& a, const Dimension& b) {
                       return a.y_stride > b.y_stride;
                     });
    // A row is the dimension that lies densest, if it rests as it is.
    if (!dimensions_.empty() && dimensions_.back().x_stride == 1 &&
        dimensions_.back().y_stride == 1 &&
        dimensions_.back().taps.is_identity()) {
      row_ = dimensions_.back().count;
      dimensions_.pop_back();
    }
  }

  absl::Status Run(dnnl_stream_t, const PartMemory& memory) override {
    const auto* x = reinterpret_cast<const float*>(memory.inputs[0]);
    auto* y = reinterpret_cast<float*>(memory.outputs[0]);
    ParallelRanges(elements_ / row_, elements_,
                   [&](int64_t begin, int64_t end) {
                     for (int64_t n = begin; n < end; ++n) Compute(n, x, y);
                   });
    return absl::OkStatus();
  }

 private:
  // Row `n` of y.
  void Compute(int64_t n, const float* x, float* y) const {
    std::array<int64_t, kRankMax> index{};
    for (size_t d = dimensions_.size(); d-- > 0; n /= dimensions_[d].count) {
      index[d] = n % dimensions_[d].count;
      y += index[d] * dimensions_[d].y_stride;
    }
    if (row_ > 1) return ComputeRow(index, x, y);
    bool inside = true;
    const float sum = SumFrom(0, index, x, inside);
    *y = inside ? sum : value_;
  }

  // Of dimension d and those after it.
  float SumFrom(size_t d, const std::array<int64_t, kRankMax>& index,
                const float* x, bool& inside) const {
    if (d == dimensions_.size()) return *x;
    const Dimension& dimension = dimensions_[d];
    const auto taps = dimension.taps.Of(index[d]);
    inside = inside && !taps.empty();
    float sum = 0;
    for (const ResizeTaps::Tap& tap : taps) {
      sum += tap.weight *
             SumFrom(d + 1, index, x + tap.from * dimension.x_stride, inside);
    }
    return sum;
  }

  void ComputeRow(const std::array<int64_t, kRankMax>& index, const float* x,
                  float* y) const {
    bool is_first = true;
    bool inside = true;
    AddRows(0, index, x, 1, y, is_first, inside);
    if (!inside) std::fill(y, y + row_, value_);
  }

  void AddRows(size_t d, const std::array<int64_t, kRankMax>& index,
               const float* x, float weight, float* y, bool& is_first,
               bool& inside) const {
    if (d == dimensions_.size()) {
      if (!is_first) return AddScaledRow(weight, x, y, row_);
      is_first = false;
      return weight == 1 ? CopyRow(x, y, row_) : ScaledRow(weight, x, y, row_);
    }
    const Dimension& dimension = dimensions_[d];
    const auto taps = dimension.taps.Of(index[d]);
    inside = inside && !taps.empty();
    for (const ResizeTaps::Tap& tap : taps) {
      AddRows(d + 1, index, x + tap.from * dimension.x_stride,
              weight * tap.weight, y, is_first, inside);
    }
  }

  std::vector<Dimension> dimensions_;  // The densest last.
  int64_t row_ = 1;
  float value_;
  int64_t elements_;
};

}  // namespace

KernelOr Make(const Resize& op, const PartSpec& spec, const OneDnn&) {
  return std::make_unique<ResizeKernel>(op, spec);
}

}  // namespace layerd::cpu
