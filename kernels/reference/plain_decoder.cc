#include "kernels/reference/plain_decoder.h"

#include <cstring>
#include <variant>

#include "kernels/decoded_part.h"
#include "kernels/half.h"

namespace layerd {
namespace {

// Dimensions of the kernel that count output channels: [G, O/G, ...] or [O].
size_t ChannelDimensions(const Operator& op) {
  const auto* conv = std::get_if<Convolution>(&op);
  return conv != nullptr && conv->groups > 1 ? 2 : 1;
}

}  // namespace

PlainDecoder::PlainDecoder(const PartSpec& stored)
    : stored_(stored),
      decoded_(DecodedSpec(stored)),
      decoded_bytes_(WeightBytes(decoded_)),
      table_(reference::TableOf(stored.weights[0])),
      scales_(ScalesOf(stored)) {}

float PlainDecoder::StoredAt(const std::byte* kernel, int64_t position) const {
  const DataType dtype = stored_.weights[0].layout.dtype;
  if (dtype == DataType::kI8) {
    return static_cast<float>(static_cast<int8_t>(kernel[position]));
  }
  uint16_t bits;
  std::memcpy(&bits, kernel + 2 * position, sizeof(bits));
  return dtype == DataType::kF16 ? FloatFromHalf(bits)
                                 : FloatFromBFloat16(bits);
}

void PlainDecoder::Decode(const std::byte* extent, std::byte* decoded) const {
  const std::vector<int64_t>& shape = stored_.weights[0].layout.shape;
  const std::byte* kernel = extent + stored_.weights[0].offset_bytes;
  const float* scales =
      scales_ ? reinterpret_cast<const float*>(
                    extent + stored_.weights[*scales_].offset_bytes)
              : nullptr;
  auto* to = reinterpret_cast<float*>(decoded);
  const bool grouped = ChannelDimensions(stored_.op) == 2;
  reference::ForEach(
      reference::WholeOf(shape), [&](const reference::Index& index) {
        int64_t position = 0;
        for (size_t d = 0; d < shape.size(); ++d) {
          position += table_.positions[d][index[d]];
        }
        const int64_t channel =
            grouped ? index[0] * shape[1] + index[1] : index[0];
        const float value = StoredAt(kernel, position);
        to[position] = scales == nullptr ? value : value * scales[channel];
      });
  for (size_t w = 1; w < decoded_.weights.size(); ++w) {
    std::memcpy(decoded + decoded_.weights[w].offset_bytes,
                extent + stored_.weights[w].offset_bytes,
                decoded_.weights[w].layout.bytes());
  }
}

}  // namespace layerd
