// Pad and Copy.
#include <algorithm>
#include <cstring>

#include "kernels/cpu/cpu_kernel.h"
#include "kernels/cpu/strided_copy.h"

namespace layerd::cpu {
namespace {

using Sizes = std::vector<int64_t>;

class CopyKernel : public CpuKernel {
 public:
  explicit CopyKernel(const PartSpec& spec) : constant_(spec.inputs.empty()) {
    const TensorType& y = spec.outputs[0];
    if (constant_) offset_bytes_ = spec.weights[0].offset_bytes;
    copy_ = StridedCopy(
        y.shape,
        constant_ ? spec.weights[0].layout.dtype : spec.inputs[0].dtype,
        constant_ ? spec.weights[0].layout.strides : spec.inputs[0].strides,
        y.dtype, y.strides);
  }

  absl::Status Run(dnnl_stream_t, const PartMemory& memory) override {
    copy_.Run(constant_ ? memory.weights + offset_bytes_ : memory.inputs[0],
              memory.outputs[0]);
    return absl::OkStatus();
  }

 private:
  bool constant_;
  uint64_t offset_bytes_ = 0;
  StridedCopy copy_;
};

// What comes out of one element of the input's kept range, in one dimension.
struct Kept {
  int64_t first;  // Of the input.
  int64_t count;
  int64_t target;  // Of the output.
};

Kept KeptOf(const Pad& op, int64_t size, size_t d) {
  const int64_t first = std::max<int64_t>(-op.begin[d], 0);
  const int64_t end = size - std::max<int64_t>(-op.end[d], 0);
  return {first, end - first, std::max<int64_t>(op.begin[d], 0)};
}

// Fills, then copies what is kept into the middle.
class ConstantPadKernel : public CpuKernel {
 public:
  ConstantPadKernel(const Pad& op, const PartSpec& spec)
      : value_(op.value),
        whole_(PlanLoops(spec.outputs[0].shape, {spec.outputs[0].strides})) {
    const TensorType& x = spec.inputs[0];
    const TensorType& y = spec.outputs[0];
    Sizes shape;
    for (size_t d = 0; d < x.shape.size(); ++d) {
      const Kept kept = KeptOf(op, x.shape[d], d);
      shape.push_back(kept.count);
      x_offset_bytes_ += kept.first * x.strides[d] * 4;
      y_offset_bytes_ += kept.target * y.strides[d] * 4;
    }
    middle_ = StridedCopy(shape, x.dtype, x.strides, y.dtype, y.strides);
  }

  absl::Status Run(dnnl_stream_t, const PartMemory& memory) override {
    float* y = reinterpret_cast<float*>(memory.outputs[0]);
    const int64_t stride = whole_.row_stride()[0];
    ForEachRow(whole_, [&](const LoopNest::Positions& at, int64_t count) {
      for (int64_t i = 0; i < count; ++i) y[at[0] + i * stride] = value_;
    });
    middle_.Run(memory.inputs[0] + x_offset_bytes_,
                memory.outputs[0] + y_offset_bytes_);
    return absl::OkStatus();
  }

 private:
  float value_;
  LoopNest whole_;
  int64_t x_offset_bytes_ = 0, y_offset_bytes_ = 0;
  StridedCopy middle_;
};

// Reflect and edge: each dimension by a table of where its elements come from.
class TablePadKernel : public CpuKernel {
 public:
  TablePadKernel(const Pad& op, const PartSpec& spec) {
    const TensorType& x = spec.inputs[0];
    const TensorType& y = spec.outputs[0];
    Sizes order(x.shape.size());
    for (size_t d = 0; d < order.size(); ++d) order[d] = d;
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      return y.strides[a] > y.strides[b];
    });
    for (const int64_t d : order) {
      dimensions_.push_back({y.strides[d], TableOf(op, x, d)});
    }
    elements_ = y.element_count();
  }

  absl::Status Run(dnnl_stream_t, const PartMemory& memory) override {
    const auto* x = reinterpret_cast<const float*>(memory.inputs[0]);
    auto* y = reinterpret_cast<float*>(memory.outputs[0]);
    if (dimensions_.empty()) {
      *y = *x;
      return absl::OkStatus();
    }
    const int64_t size = dimensions_.back().from.size();
    ParallelRanges(elements_ / size, elements_,
                   [&](int64_t begin, int64_t end) {
                     for (int64_t row = begin; row < end; ++row) {
                       CopyRow(row, x, y);
                     }
                   });
    return absl::OkStatus();
  }

 private:
  struct Dimension {
    int64_t y_stride;
    Sizes from;  // Positions in the input's memory, by output.
  };

  static Sizes TableOf(const Pad& op, const TensorType& x, size_t d) {
    const Kept kept = KeptOf(op, x.shape[d], d);
    const int64_t last = kept.first + kept.count - 1;
    const int64_t size = x.shape[d] + op.begin[d] + op.end[d];
    Sizes from;
    from.reserve(size);
    for (int64_t at = 0; at < size; ++at) {
      int64_t source = at - op.begin[d];
      if (op.mode == Pad::Mode::kEdge) {
        source = std::clamp(source, kept.first, last);
      } else if (source < kept.first) {
        source = 2 * kept.first - source;
      } else if (source > last) {
        source = 2 * last - source;
      }
      from.push_back(source * x.strides[d]);
    }
    return from;
  }

  void CopyRow(int64_t row, const float* x, float* y) const {
    for (size_t d = dimensions_.size() - 1; d-- > 0;) {
      const int64_t size = dimensions_[d].from.size();
      x += dimensions_[d].from[row % size];
      y += dimensions_[d].y_stride * (row % size);
      row /= size;
    }
    const Dimension& inner = dimensions_.back();
    for (size_t i = 0; i < inner.from.size(); ++i) {
      y[i * inner.y_stride] = x[inner.from[i]];
    }
  }

  std::vector<Dimension> dimensions_;  // The output's innermost last.
  int64_t elements_;
};

}  // namespace

KernelOr Make(const Pad& op, const PartSpec& spec, const OneDnn&) {
  if (spec.outputs[0].dtype != DataType::kF32) {
    return absl::UnimplementedError("no floats");
  }
  if (op.mode == Pad::Mode::kConstant) {
    return std::make_unique<ConstantPadKernel>(op, spec);
  }
  return std::make_unique<TablePadKernel>(op, spec);
}

KernelOr Make(const Copy&, const PartSpec& spec, const OneDnn&) {
  return std::make_unique<CopyKernel>(spec);
}

}  // namespace layerd::cpu
