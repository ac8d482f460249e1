#include "kernels/reference/plain_decoder.h"

#include <cstring>

#include "kernels/decoded_part.h"
#include "kernels/half.h"

namespace layerd {
PlainDecoder::PlainDecoder(const PartSpec& stored)
    : stored_(stored),
      decoded_(DecodedSpec(stored)),
      decoded_bytes_(WeightBytes(decoded_)),
      scales_(ScalesOf(stored)) {
  for (size_t w = 0; w < KernelsOf(stored.op); ++w) {
    places_.push_back(reference::PlacesOf(stored.weights[w]));
  }
}

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
  for (size_t w = 0; w < places_.size(); ++w) {
    DecodeKernel(
        w, extent + stored_.weights[w].offset_bytes, extent,
        reinterpret_cast<float*>(decoded + decoded_.weights[w].offset_bytes));
  }
  for (size_t w = places_.size(); w < decoded_.weights.size(); ++w) {
    std::memcpy(decoded + decoded_.weights[w].offset_bytes,
                extent + stored_.weights[w].offset_bytes,
                decoded_.weights[w].layout.bytes());
  }
}

void PlainDecoder::DecodeKernel(size_t w, const std::byte* kernel,
                                const std::byte* extent, float* to) const {
  const std::vector<int64_t>& shape = stored_.weights[w].layout.shape;
  const float* scales =
      scales_ ? reinterpret_cast<const float*>(
                    extent + stored_.weights[*scales_].offset_bytes)
              : nullptr;
  const bool grouped = IsGrouped(stored_.op);
  reference::ForEach(
      reference::WholeOf(shape), [&](const reference::Index& index) {
        int64_t position = 0;
        for (size_t d = 0; d < shape.size(); ++d) {
          position += places_[w].positions[d][index[d]];
        }
        const int64_t channel =
            grouped ? index[0] * shape[1] + index[1] : index[0];
        const float value = StoredAt(kernel, position);
        to[position] = scales == nullptr ? value : value * scales[channel];
      });
}

}  // namespace layerd
