#include "kernels/cpu/weight_decoder.h"

#include <algorithm>
#include <cstring>

#include "kernels/cpu/parallel.h"
#include "kernels/decoded_part.h"

namespace layerd::cpu {
namespace {

constexpr int64_t kLanesMax = 64;

}  // namespace

WeightDecoder::WeightDecoder(const PartSpec& stored, const DecodeRows& rows)
    : rows_(&rows),
      dtype_(stored.weights[0].layout.dtype),
      elements_(stored.weights[0].layout.bytes() / SizeOf(dtype_)),
      channels_(stored.channels.count),
      kernel_offset_bytes_(stored.weights[0].offset_bytes) {
  const PartSpec decoded = DecodedSpec(stored);
  decoded_bytes_ = WeightBytes(decoded);
  const size_t kernels = KernelsOf(stored.op);
  for (size_t w = 1; w < kernels; ++w) {
    const WeightLayout& layout = stored.weights[w].layout;
    others_.push_back(
        {stored.weights[w].offset_bytes, decoded.weights[w].offset_bytes,
         static_cast<int64_t>(layout.bytes() / SizeOf(layout.dtype))});
  }
  for (size_t w = kernels; w < decoded.weights.size(); ++w) {
    copies_.push_back({stored.weights[w].offset_bytes,
                       decoded.weights[w].offset_bytes,
                       decoded.weights[w].layout.bytes()});
  }
  if (const auto scales = ScalesOf(stored)) {
    scales_offset_bytes_ = stored.weights[*scales].offset_bytes;
    TakeApart(DigitsOf(stored));
  }
}

// The innermost last. Inner blocks lie without gaps, all else by its strides.
std::vector<WeightDecoder::Digit> WeightDecoder::DigitsOf(
    const PartSpec& stored) {
  const WeightLayout& layout = stored.weights[0].layout;
  std::vector<int64_t> outer = layout.padded_shape;
  std::vector<int64_t> step(outer.size());
  for (size_t d = 0; d < outer.size(); ++d) step[d] = ChannelStep(stored, d);
  std::vector<Digit> digits;
  int64_t stride = 1;
  for (size_t b = layout.blocks.size(); b-- > 0;) {
    const auto& [d, size] = layout.blocks[b];
    digits.push_back({size, stride, step[d]});
    stride *= size;
    step[d] *= size;
    outer[d] /= size;
  }
  for (size_t d = 0; d < outer.size(); ++d) {
    digits.push_back({outer[d], layout.strides[d], step[d]});
  }
  std::erase_if(digits, [](const Digit& digit) { return digit.count == 1; });
  std::stable_sort(
      digits.begin(), digits.end(),
      [](const Digit& a, const Digit& b) { return a.stride > b.stride; });
  return digits;
}

// From the innermost digit outwards: lanes while the channel goes along with
// the position, then rows while it stays; the rest counts segments.
void WeightDecoder::TakeApart(std::vector<Digit> digits) {
  const auto continues = [&](int64_t stride) {
    return !digits.empty() && digits.back().stride == stride;
  };
  if (continues(1) && digits.back().channel_step == 1 &&
      digits.back().count <= kLanesMax) {
    lanes_ = digits.back().count;
    digits.pop_back();
  }
  while (continues(lanes_ * segment_rows_) && digits.back().channel_step == 0) {
    segment_rows_ *= digits.back().count;
    digits.pop_back();
  }
  for (const Digit& digit : digits) segments_ *= digit.count;
  outer_ = std::move(digits);
}

WeightDecoder::Place WeightDecoder::PlaceOf(int64_t segment) const {
  Place place;
  for (size_t d = outer_.size(); d-- > 0; segment /= outer_[d].count) {
    const int64_t index = segment % outer_[d].count;
    place.position += index * outer_[d].stride;
    place.channel += index * outer_[d].channel_step;
  }
  return place;
}

void WeightDecoder::Decode(const std::byte* extent, std::byte* decoded) const {
  const std::byte* kernel = KernelIn(extent);
  auto* to = reinterpret_cast<float*>(decoded);
  if (const float* scales = ScalesIn(extent)) {
    ParallelRanges(segments_ * segment_rows_, elements_,
                   [&](int64_t begin, int64_t end) {
                     DecodeScaled(kernel, scales, to, begin, end);
                   });
  } else {
    ParallelRanges(elements_, elements_, [&](int64_t begin, int64_t end) {
      DecodeFlat(kernel, to, begin, end);
    });
  }
  for (const Kernel& other : others_) {
    ParallelRanges(
        other.elements, other.elements, [&](int64_t begin, int64_t end) {
          DecodeFlat(extent + other.from_bytes,
                     reinterpret_cast<float*>(decoded + other.to_bytes), begin,
                     end);
        });
  }
  CopyOthers(extent, decoded);
}

const float* WeightDecoder::ScalesIn(const std::byte* extent) const {
  if (!scales_offset_bytes_) return nullptr;
  return reinterpret_cast<const float*>(extent + *scales_offset_bytes_);
}

void WeightDecoder::CopyOthers(const std::byte* extent,
                               std::byte* decoded) const {
  for (const Copy& copy : copies_) {
    std::memcpy(decoded + copy.to_bytes, extent + copy.from_bytes, copy.bytes);
  }
}

void WeightDecoder::DecodeFlat(const std::byte* kernel, float* to,
                               int64_t begin, int64_t end) const {
  const auto* from = reinterpret_cast<const uint16_t*>(kernel) + begin;
  const auto widen = dtype_ == DataType::kF16 ? rows_->half : rows_->bfloat16;
  widen(from, to + begin, end - begin);
}

// Rows [begin, end) of all segments in order.
void WeightDecoder::DecodeScaled(const std::byte* kernel, const float* scales,
                                 float* to, int64_t begin, int64_t end) const {
  const size_t size = SizeOf(dtype_);
  for (int64_t row = begin; row < end;) {
    const int64_t skipped = row % segment_rows_;
    const int64_t count = std::min(end - row, segment_rows_ - skipped);
    const Place place = PlaceOf(row / segment_rows_);
    const int64_t position = place.position + skipped * lanes_;
    // Channels that only pad have no scale; all they store is zero.
    float padded[kLanesMax] = {};
    const float* of_lanes = scales + place.channel;
    if (place.channel + lanes_ > channels_) {
      const int64_t there = std::max<int64_t>(0, channels_ - place.channel);
      std::copy_n(scales + channels_ - there, there, padded);
      of_lanes = padded;
    }
    DecodeLanes(kernel + position * size, to + position, count, of_lanes);
    row += count;
  }
}

void WeightDecoder::DecodeLanes(const std::byte* kernel, float* to,
                                int64_t rows, const float* scales) const {
  if (dtype_ == DataType::kI8) {
    rows_->scaled_int8(reinterpret_cast<const int8_t*>(kernel), to, rows,
                       lanes_, scales);
    return;
  }
  const auto decode =
      dtype_ == DataType::kF16 ? rows_->scaled_half : rows_->scaled_bfloat16;
  decode(reinterpret_cast<const uint16_t*>(kernel), to, rows, lanes_, scales);
}

}  // namespace layerd::cpu
