#include "kernels/cpu/pixel_norm.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <vector>

#include "kernels/cpu/loop_nest.h"
#include "kernels/cpu/rows.h"
#include "kernels/cpu/staging.h"

namespace layerd::cpu {
namespace {

// Sums of so many pixels are added up one by one.
constexpr int64_t kBlockPixels = 256, kBlocksMax = 64;

// Strides are those of x and y.
struct Pictures {
  int64_t images = 1, x_image = 0, y_image = 0;
  int64_t pixels = 1, x_step = 0, y_step = 0;
  int64_t groups = 1, channels_of_group = 1;

  int64_t channels() const { return groups * channels_of_group; }
};

// What is normalised together lies at equal distances: pixels, and in each the
// channels of a group.
std::optional<Pictures> PicturesOf(const LayerNorm& op, const PartSpec& spec) {
  const TensorType& x = spec.inputs[0];
  const TensorType& y = spec.outputs[0];
  std::vector<int64_t> own(x.shape.size(), 0);  // Strides of the means.
  int64_t means = 1;
  for (int64_t d = op.axis_first; d-- > 0; means *= x.shape[d]) own[d] = means;
  const LoopNest nest = PlanLoops(x.shape, {y.strides, x.strides, own});

  Pictures all;
  size_t depth = nest.rank;
  const auto lies = [&](int64_t stride, int64_t of_means) {
    return depth > 0 && nest.stride[depth - 1] ==
                            LoopNest::Positions{stride, stride, of_means, 0};
  };
  if (lies(1, 0)) all.channels_of_group = nest.count[--depth];
  if (!lies(all.channels_of_group, 1)) return std::nullopt;
  all.groups = nest.count[--depth];
  if (depth == 0 || depth > 2 || nest.stride[--depth][2] != 0) {
    return std::nullopt;
  }
  all.pixels = nest.count[depth];
  all.y_step = nest.stride[depth][0], all.x_step = nest.stride[depth][1];
  if (depth == 0) return all;
  all.images = nest.count[0];
  all.y_image = nest.stride[0][0], all.x_image = nest.stride[0][1];
  return all;
}

class PixelNormKernel : public CpuKernel {
 public:
  PixelNormKernel(float epsilon, const Pictures& pictures)
      : epsilon_(epsilon),
        all_(pictures),
        blocks_(std::min((all_.pixels + kBlockPixels - 1) / kBlockPixels,
                         kBlocksMax)) {
    ScratchPlan scratch;
    sums_ = scratch.Take(BytesOf({all_.images, blocks_, all_.channels()}));
    means_ = scratch.Take(BytesOf({all_.images, all_.channels()}));
    factors_ = scratch.Take(BytesOf({all_.images, all_.channels()}));
    scratch_bytes_ = scratch.bytes();
  }

  absl::Status Run(dnnl_stream_t, const PartMemory& memory) override {
    const auto* const x = reinterpret_cast<const float*>(memory.inputs[0]);
    auto* const y = reinterpret_cast<float*>(memory.outputs[0]);
    const auto piece = [&](size_t offset) {
      return reinterpret_cast<float*>(memory.scratch + offset);
    };
    float* const sums = piece(sums_);
    float* const means = piece(means_);
    float* const factors = piece(factors_);
    Sum(x, nullptr, sums);
    ForGroups(sums, means, [](double mean) { return mean; });
    Sum(x, means, sums);
    ForGroups(sums, factors, [this](double variance) {
      return 1.0 / std::sqrt(variance + epsilon_);
    });
    ForBlocks([&](int64_t image, int64_t first, int64_t count, int64_t) {
      const int64_t own = image * all_.channels();
      NormalPixels(RowsAt(x, image, first, count), means + own, factors + own,
                   y + image * all_.y_image + first * all_.y_step, all_.y_step);
    });
    return absl::OkStatus();
  }

 private:
  PixelRows RowsAt(const float* x, int64_t image, int64_t first,
                   int64_t count) const {
    return {x + image * all_.x_image + first * all_.x_step, all_.x_step, count,
            all_.channels()};
  }

  // Calls body(image, first pixel, pixels, number) for each block.
  template <typename Body>
  void ForBlocks(const Body& body) const {
    const int64_t elements = all_.images * all_.pixels * all_.channels();
    ParallelRanges(all_.images * blocks_, elements,
                   [&](int64_t begin, int64_t end) {
                     for (int64_t n = begin; n < end; ++n) {
                       const int64_t block = n % blocks_;
                       const int64_t first = all_.pixels * block / blocks_;
                       const int64_t last = all_.pixels * (block + 1) / blocks_;
                       body(n / blocks_, first, last - first, n);
                     }
                   });
  }

  // Sums of each block, of x or of squared distances from the means.
  void Sum(const float* x, const float* means, float* sums) const {
    ForBlocks([&](int64_t image, int64_t first, int64_t count, int64_t n) {
      SumOfPixels(RowsAt(x, image, first, count),
                  means == nullptr ? nullptr : means + image * all_.channels(),
                  sums + n * all_.channels());
    });
  }

  // What `function` makes of the average of a group, for each of its channels.
  template <typename Function>
  void ForGroups(const float* sums, float* to, const Function& function) const {
    const int64_t channels = all_.channels(), each = all_.channels_of_group;
    const auto elements = static_cast<double>(all_.pixels * each);
    for (int64_t image = 0; image < all_.images; ++image) {
      for (int64_t c = 0; c < channels; c += each, to += each) {
        double sum = 0;
        for (int64_t block = 0; block < blocks_; ++block) {
          const float* const own =
              sums + (image * blocks_ + block) * channels + c;
          for (const float part : std::span(own, each)) sum += part;
        }
        std::fill(to, to + each, static_cast<float>(function(sum / elements)));
      }
    }
  }

  const float epsilon_;
  const Pictures all_;
  const int64_t blocks_;
  size_t sums_, means_, factors_;  // Offsets in scratch.
};

}  // namespace

std::unique_ptr<CpuKernel> MakePixelNorm(const LayerNorm& op,
                                         const PartSpec& spec) {
  if (!spec.weights.empty()) return nullptr;
  const auto pictures = PicturesOf(op, spec);
  if (!pictures || pictures->channels() < PixelRows::kChannelsMin)
    return nullptr;
  return std::make_unique<PixelNormKernel>(op.epsilon, *pictures);
}

}  // namespace layerd::cpu
