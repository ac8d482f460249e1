#ifndef LAYERD_KERNELS_CPU_WINDOW_PART_H_
#define LAYERD_KERNELS_CPU_WINDOW_PART_H_

#include <cstdint>
#include <vector>

#include "kernels/backend.h"
#include "kernels/cpu/primitive_desc.h"
#include "kernels/cpu/staging.h"
#include "kernels/operator.h"

namespace layerd::cpu {

// One part of a convolution, or of a transposed one, as a problem of its own:
// what the library is asked for where our own loops do not reach.
struct WindowPart {
  Slice x, y;
  std::vector<int64_t> pads_begin, pads_end;
};

// `channels` of a picture [N, C, ...], all its rows.
Slice ChannelsOf(const TensorType& type, const Range& channels);

// What the part's output channels see: with groups, the inputs of theirs.
Range InputChannels(int64_t groups, const PartSpec& spec);

// `Op` is Convolution or ConvTranspose.
template <typename Op>
WindowProblem WindowProblemOf(const Op& op, const WindowPart& part,
                              const MemoryDesc& weights,
                              const Activation& activation) {
  const std::vector<int64_t>& x = part.x.shape;
  const std::vector<int64_t>& y = part.y.shape;
  return {.x = DescOf(x, ChannelsLastStrides(x)),
          .weights = weights,
          .bias = op.has_bias ? DescOf({y[1]}, {1}) : nullptr,
          .y = DescOf(y, ChannelsLastStrides(y)),
          .strides = op.strides,
          .dilations = op.dilations,
          .pads_begin = part.pads_begin,
          .pads_end = part.pads_end,
          .activation = activation};
}

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_WINDOW_PART_H_
