#ifndef LAYERD_TEST_KERNELS_PART_SKETCHES_H_
#define LAYERD_TEST_KERNELS_PART_SKETCHES_H_

#include <cstdint>
#include <vector>

#include "kernels/backend.h"

namespace layerd {

// Types and weights in few words, for tables of cases.
TensorType PlainType(std::vector<int64_t> shape,
                     DataType dtype = DataType::kF32);
TensorType ChannelsLast(std::vector<int64_t> shape);
// A range of the channels of a larger channels-last buffer.
TensorType ChannelSlice(std::vector<int64_t> shape, int64_t buffer_channels);
WeightPiece PlainPiece(std::vector<int64_t> shape,
                       DataType dtype = DataType::kF32);

// Fully connected, with a bias: channels 6 to 9 of 10, rows 2 to 5 of 6.
PartSpec ConnectedPart();

}  // namespace layerd

#endif  // LAYERD_TEST_KERNELS_PART_SKETCHES_H_
