#include "test/kernels/part_sketches.h"

#include <utility>

namespace layerd {

TensorType PlainType(std::vector<int64_t> shape, DataType dtype) {
  std::vector<int64_t> strides = PlainStrides(shape);
  return {dtype, std::move(shape), std::move(strides)};
}

TensorType ChannelsLast(std::vector<int64_t> shape) {
  std::vector<int64_t> strides = ChannelsLastStrides(shape);
  return {DataType::kF32, std::move(shape), std::move(strides)};
}

TensorType ChannelSlice(std::vector<int64_t> shape, int64_t buffer_channels) {
  std::vector<int64_t> buffer = shape;
  buffer[1] = buffer_channels;
  return {DataType::kF32, std::move(shape), ChannelsLastStrides(buffer)};
}

WeightPiece PlainPiece(std::vector<int64_t> shape, DataType dtype) {
  return {WeightLayout::Plain(dtype, std::move(shape)), 0};
}

PartSpec ConnectedPart() {
  return {FullyConnected{true, false, {}},
          {PlainType({2, 3, 8})},
          {PlainPiece({4, 8}), PlainPiece({4})},
          {PlainType({2, 3, 10})},
          {6, 4},
          {2, 4}};
}

}  // namespace layerd
