#include "kernels/cpu/window_part.h"

namespace layerd::cpu {

Slice ChannelsOf(const TensorType& type, const Range& channels) {
  Slice slice{type.shape, type.strides, channels.first * type.strides[1]};
  slice.shape[1] = channels.count;
  return slice;
}

Range InputChannels(int64_t groups, const PartSpec& spec) {
  const int64_t inputs = spec.inputs[0].shape[1] / groups;
  if (groups == 1) return {0, inputs};
  const int64_t outputs = spec.outputs[0].shape[1] / groups;
  return {spec.channels.first / outputs * inputs,
          spec.channels.count / outputs * inputs};
}

}  // namespace layerd::cpu
