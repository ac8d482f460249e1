// Softmax, LayerNorm and Lrn: rows whose elements depend on each other.
#include <algorithm>
#include <cmath>

#include "kernels/cpu/cpu_kernel.h"
#include "kernels/cpu/rows.h"
#include "kernels/cpu/staging.h"

namespace layerd::cpu {
namespace {

using Sizes = std::vector<int64_t>;

// Plain strides for the order: all other dimensions, then those from `first`
// to `last`, which so become contiguous rows.
Sizes RowsLast(const Sizes& shape, int64_t first, int64_t last) {
  Sizes strides(shape.size());
  int64_t stride = 1;
  for (int64_t d = last; d-- > first; stride *= shape[d]) strides[d] = stride;
  for (int64_t d = shape.size(); d-- > 0;) {
    if (d >= first && d < last) continue;
    strides[d] = stride;
    stride *= shape[d];
  }
  return strides;
}

// Rows of `size` at any distance: computed on where they are, or staged.
class RowsKernel : public CpuKernel {
 public:
  RowsKernel(const PartSpec& spec, int64_t first, int64_t count) {
    const Slice x{spec.inputs[0].shape, spec.inputs[0].strides};
    const Slice y{spec.outputs[0].shape, spec.outputs[0].strides};
    const Sizes order = RowsLast(x.shape, first, first + count);
    ScratchPlan scratch;
    x_ = StagedInput(x, order, scratch);
    y_ = StagedOutput(y, order, scratch);
    scratch_bytes_ = scratch.bytes();
    for (int64_t d = first; d < first + count; ++d) size_ *= x.shape[d];
    rows_ = spec.inputs[0].element_count() / size_;
  }

  absl::Status Run(dnnl_stream_t, const PartMemory& memory) override {
    const float* x = x_.Ready(memory.inputs[0], memory.scratch);
    float* y = y_.Target(memory.outputs[0], memory.scratch);
    ParallelRanges(rows_, rows_ * size_, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        RunRow(x + row * size_, y + row * size_, size_);
      }
    });
    y_.Finish(memory.outputs[0], memory.scratch, nullptr);
    return absl::OkStatus();
  }

 private:
  virtual void RunRow(const float* x, float* y, int64_t size) const = 0;

  StagedInput x_;
  StagedOutput y_;
  int64_t size_ = 1;
  int64_t rows_;
};

class SoftmaxKernel : public RowsKernel {
 public:
  SoftmaxKernel(const Softmax& op, const PartSpec& spec)
      : RowsKernel(spec, op.axis_first, op.axis_count) {}

 private:
  void RunRow(const float* x, float* y, int64_t size) const override {
    SoftmaxRow(x, y, size);
  }
};

class LayerNormKernel : public RowsKernel {
 public:
  LayerNormKernel(const LayerNorm& op, const PartSpec& spec)
      : RowsKernel(
            spec, op.axis_first,
            static_cast<int64_t>(spec.inputs[0].shape.size()) - op.axis_first),
        op_(op) {
    for (const WeightPiece& piece : spec.weights) {
      offsets_bytes_.push_back(piece.offset_bytes);
    }
  }

  absl::Status Run(dnnl_stream_t stream, const PartMemory& memory) override {
    size_t next = 0;
    const auto take = [&](bool has) {
      return has ? reinterpret_cast<const float*>(memory.weights +
                                                  offsets_bytes_[next++])
                 : nullptr;
    };
    scale_ = take(op_.has_scale);
    bias_ = take(op_.has_bias);
    return RowsKernel::Run(stream, memory);
  }

 private:
  void RunRow(const float* x, float* y, int64_t size) const override {
    LayerNormRow(op_, x, scale_, bias_, y, size);
  }

  LayerNorm op_;
  std::vector<uint64_t> offsets_bytes_;
  const float* scale_ = nullptr;  // Of the run that is on, like:
  const float* bias_ = nullptr;
};

// Pictures whose channels lie side by side, each normalised over its pixels: a
// chunk is read from memory once for the moments of all channels, and once to
// be normalised. Chunks are of one length, so that bits depend on neither the
// threads nor the other channels.
class PixelNormKernel : public CpuKernel {
 public:
  // A norm of axis 2 without weights is one of each channel.
  static bool Fits(const LayerNorm& op, const PartSpec& spec) {
    return op.axis_first == 2 && !op.has_scale && !op.has_bias &&
           spec.inputs[0].shape.size() > 2 && PixelStep(spec.inputs[0]) > 1 &&
           LiesByPixels(spec.inputs[0]) && LiesByPixels(spec.outputs[0]);
  }

  PixelNormKernel(const LayerNorm& op, const PartSpec& spec)
      : op_(op),
        images_(spec.inputs[0].shape[0]),
        channels_(spec.inputs[0].shape[1]),
        pixels_(spec.inputs[0].element_count() / (images_ * channels_)),
        x_image_(spec.inputs[0].strides[0]),
        x_step_(PixelStep(spec.inputs[0])),
        y_image_(spec.outputs[0].strides[0]),
        y_step_(PixelStep(spec.outputs[0])),
        chunks_(CeilOf(pixels_, kChunk)) {
    scratch_bytes_ = BytesOf({chunks_ + 1, 2, channels_});
  }

  absl::Status Run(dnnl_stream_t, const PartMemory& memory) override {
    const auto* x = reinterpret_cast<const float*>(memory.inputs[0]);
    auto* y = reinterpret_cast<float*>(memory.outputs[0]);
    auto* const mean = reinterpret_cast<float*>(memory.scratch);
    float* const factor = mean + channels_;
    float* const moments = factor + channels_;
    for (int64_t i = 0; i < images_; ++i, x += x_image_, y += y_image_) {
      ForEachChunk([&](int64_t chunk, int64_t first, int64_t count) {
        float* const own = moments + 2 * chunk * channels_;
        MomentsOfPixels({x + first * x_step_, x_step_, count, channels_}, own,
                        own + channels_);
      });
      Join(moments, mean, factor);
      ForEachChunk([&](int64_t, int64_t first, int64_t count) {
        NormalisePixels({x + first * x_step_, x_step_, count, channels_}, mean,
                        factor, y + first * y_step_, y_step_);
      });
    }
    return absl::OkStatus();
  }

 private:
  // Pixels: of 64 channels, half of a first-level cache.
  static constexpr int64_t kChunk = 64;

  static int64_t PixelStep(const TensorType& type) {
    for (size_t d = type.shape.size(); d-- > 2;) {
      if (type.shape[d] > 1) return type.strides[d];
    }
    return type.shape[1];
  }

  static bool LiesByPixels(const TensorType& type) {
    int64_t step = PixelStep(type);
    for (size_t d = type.shape.size(); d-- > 2; step *= type.shape[d]) {
      if (type.shape[d] > 1 && type.strides[d] != step) return false;
    }
    return type.strides[1] == 1;
  }

  template <typename Body>
  void ForEachChunk(const Body& body) const {
    ParallelRanges(chunks_, pixels_ * channels_,
                   [&](int64_t begin, int64_t end) {
                     for (int64_t chunk = begin; chunk < end; ++chunk) {
                       const int64_t first = chunk * kChunk;
                       body(chunk, first, std::min(kChunk, pixels_ - first));
                     }
                   });
  }

  // Distances of a chunk's mean from that of all count for each of its pixels.
  void Join(const float* moments, float* mean, float* factor) const {
    std::fill(mean, mean + 2 * channels_, 0.0f);
    const auto of_chunk = [&](int64_t chunk) {
      return static_cast<float>(std::min(kChunk, pixels_ - chunk * kChunk));
    };
    const float share = 1.0f / static_cast<float>(pixels_);
    for (int64_t chunk = 0; chunk < chunks_ && !op_.keeps_mean; ++chunk) {
      AddScaledRow(of_chunk(chunk) * share, moments + 2 * chunk * channels_,
                   mean, channels_);
    }
    for (int64_t chunk = 0; chunk < chunks_; ++chunk) {
      const float* const own = moments + 2 * chunk * channels_;
      const float* const squares = own + channels_;
      for (int64_t c = 0; c < channels_; ++c) {
        const float distance = own[c] - mean[c];
        factor[c] += squares[c] + of_chunk(chunk) * distance * distance;
      }
    }
    for (int64_t c = 0; c < channels_; ++c) {
      factor[c] = 1.0f / std::sqrt(factor[c] * share + op_.epsilon);
    }
  }

  const LayerNorm op_;
  const int64_t images_, channels_, pixels_;
  const int64_t x_image_, x_step_, y_image_, y_step_;
  const int64_t chunks_;
};

class LrnKernel : public RowsKernel {
 public:
  LrnKernel(const Lrn& op, const PartSpec& spec)
      : RowsKernel(spec, 1, 1), op_(op) {}

 private:
  void RunRow(const float* x, float* y, int64_t size) const override {
    std::fill(y, y + size, 0.0f);
    const int64_t before = (op_.size - 1) / 2;
    for (int64_t i = 0; i < op_.size; ++i) {
      const int64_t shift = i - before;  // y[c] sums x[c + shift].
      const int64_t first = std::clamp<int64_t>(-shift, 0, size);
      const int64_t last = std::clamp<int64_t>(size - shift, first, size);
      if (first < last)
        AddSquareRow(x + first + shift, y + first, last - first);
    }
    NormaliseRow(op_.k, op_.alpha / op_.size, op_.beta, x, y, size);
  }

  Lrn op_;
};

}  // namespace

KernelOr Make(const Softmax& op, const PartSpec& spec, const OneDnn&) {
  return std::make_unique<SoftmaxKernel>(op, spec);
}

KernelOr Make(const LayerNorm& op, const PartSpec& spec, const OneDnn&) {
  if (PixelNormKernel::Fits(op, spec)) {
    return std::make_unique<PixelNormKernel>(op, spec);
  }
  return std::make_unique<LayerNormKernel>(op, spec);
}

KernelOr Make(const Lrn& op, const PartSpec& spec, const OneDnn&) {
  return std::make_unique<LrnKernel>(op, spec);
}

}  // namespace layerd::cpu
