#include "kernels/prepared_bytes.h"

#include <algorithm>
#include <limits>
#include <variant>
#include <vector>

#include "kernels/resize_taps.h"

namespace layerd {
namespace {

// One element each, as kernels/cpu has them.
constexpr uint64_t kPoolPlaceBytes = 32;
constexpr uint64_t kDepthwisePlaceBytes = 24;
constexpr uint64_t kPadPlaceBytes = 8;
constexpr uint64_t kTapBytes = 16;
// And the word that a GPU reads of it.
constexpr uint64_t kFirstTapBytes = 8 + 4;
// Of a pixel's tap, or of a channel's: place and weight.
constexpr uint64_t kLineTapBytes = 8;
// With what it had before a vector grew, and twice that.
constexpr uint64_t kLineBlockBytes = 3 * 80;
constexpr uint64_t kTapOfKernelBytes = 2 << 10;

// Of resize.cc.
constexpr int64_t kSumElements = 4096, kFewChannels = 4;
constexpr int64_t kByChance = 32;
// Of tile_windows.cc: of more inputs zeros are made.
constexpr int64_t kZerosMax = 16 << 10;

uint64_t Plus(uint64_t a, uint64_t b) {
  uint64_t sum;
  return __builtin_add_overflow(a, b, &sum)
             ? std::numeric_limits<uint64_t>::max()
             : sum;
}

uint64_t Times(uint64_t a, uint64_t b) {
  uint64_t product;
  return __builtin_mul_overflow(a, b, &product)
             ? std::numeric_limits<uint64_t>::max()
             : product;
}

struct Lists {
  const PartSpec& spec;

  template <typename Other>
  uint64_t operator()(const Other&) const {
    return 0;
  }

  uint64_t operator()(const Pool& op) const {
    uint64_t places = 0;
    for (size_t d = 0; d < op.kernel.size(); ++d) places += y(2 + d);
    return Times(kPoolPlaceBytes, places);
  }

  uint64_t operator()(const Pad& op) const {
    if (op.mode == Pad::Mode::kConstant) return 0;
    uint64_t places = 0;
    for (const int64_t size : spec.outputs[0].shape) places += size;
    return Times(kPadPlaceBytes, places);
  }

  uint64_t operator()(const Convolution& op) const {
    const int64_t inputs = spec.inputs[0].shape[1];
    if (op.groups > 1 && op.groups == inputs) {
      // A line of pixels has one row, and its parts are cut along it.
      const bool is_picture = op.strides.size() == 2;
      return Times(kDepthwisePlaceBytes,
                   Plus(spec.rows.count, is_picture ? y(3) : 1));
    }
    const auto pads = [](const std::vector<int64_t>& of) {
      return std::any_of(of.begin(), of.end(), [](int64_t p) { return p > 0; });
    };
    if (inputs <= kZerosMax || !(pads(op.pads_begin) || pads(op.pads_end))) {
      return 0;
    }
    return Times(sizeof(float), inputs);
  }

  // A kernel of its own for each tap, where they lie apart.
  uint64_t operator()(const ConvTranspose& op) const {
    if (op.kernel_is_input || op.groups != 1 || op.strides.size() != 2) {
      return 0;
    }
    const std::vector<int64_t>& kernel = spec.weights[0].layout.shape;
    if (kernel[2] != op.strides[0] || kernel[3] != op.strides[1]) return 0;
    return Times(kTapOfKernelBytes, Times(kernel[2], kernel[3]));
  }

  uint64_t operator()(const Resize& op) const {
    uint64_t bytes = 0;
    for (size_t d = 0; d < op.scales.size(); ++d) {
      bytes = Plus(bytes, TapsOf(op, d));
      bytes = Plus(bytes, LineOf(op, d));
    }
    return bytes;
  }

  uint64_t TapsOf(const Resize& op, size_t d) const {
    const uint64_t most = ResizeTaps::MostOf(op, d, x(d));
    // And those of one element beside all others, in a vector that grows.
    return Plus(Times(kFirstTapBytes, y(d) + 1),
                Times(Times(kTapBytes, most), y(d) + 3));
  }

  // If it is the one that lines of pixels lie along.
  uint64_t LineOf(const Resize& op, size_t d) const {
    const int64_t most = ResizeTaps::MostOf(op, d, x(d));
    const int64_t channels = ChannelsBeside(op, d);
    const uint64_t each = channels <= kFewChannels ? channels : 1;
    const int64_t seen = std::max<int64_t>(kSumElements / channels, 1);
    // Windows advance by what a block may see, less what they share.
    uint64_t blocks = y(d);
    if (most <= seen / 2) {
      blocks = std::min<uint64_t>(blocks, 4 * (x(d) / seen) + 8);
    }
    const uint64_t taps = Times(Times(kLineTapBytes * each, most), y(d));
    return Plus(Plus(Times(kLineBlockBytes, blocks), taps), y(d) / 8);
  }

  // At most as many lie side by side, each of them made of its like alone. Few
  // do by chance, where a dimension gets longer or shorter.
  int64_t ChannelsBeside(const Resize& op, size_t line) const {
    int64_t channels = 1;
    for (size_t d = 0; d < op.scales.size(); ++d) {
      if (d == line || spec.inputs[0].strides[d] != 1 ||
          spec.outputs[0].strides[d] != 1) {
        continue;
      }
      channels = std::max(channels, KeepsLength(op, d)
                                        ? y(d)
                                        : std::min<int64_t>(y(d), kByChance));
    }
    return channels;
  }

  bool KeepsLength(const Resize& op, size_t d) const {
    const auto is_near_one = [](double ratio) {
      return ratio > 0.9 && ratio < 1.1;
    };
    const double ratio = static_cast<double>(x(d)) / static_cast<double>(y(d));
    if (op.coordinate == Resize::Coordinate::kCropAndResize) {
      const double seen = op.roi_end[d] - op.roi_begin[d];
      return y(d) <= kByChance || is_near_one(seen * ratio);
    }
    return is_near_one(ratio) || is_near_one(op.scales[d]);
  }

  int64_t x(size_t d) const { return spec.inputs[0].shape[d]; }
  int64_t y(size_t d) const { return spec.outputs[0].shape[d]; }
};

}  // namespace

uint64_t PreparedBytesMax(const PartSpec& spec) {
  return std::visit(Lists{spec}, spec.op);
}

}  // namespace layerd
