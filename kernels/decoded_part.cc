#include "kernels/decoded_part.h"

#include <algorithm>
#include <variant>

#include "kernels/type_check.h"

namespace layerd {
namespace {

bool HasBias(const Operator& op) {
  if (const auto* conv = std::get_if<Convolution>(&op)) return conv->has_bias;
  const auto* linear = std::get_if<FullyConnected>(&op);
  return linear != nullptr && linear->has_bias;
}

uint64_t RoundUp(uint64_t bytes) {
  return (bytes + kWeightAlignment - 1) / kWeightAlignment * kWeightAlignment;
}

// Kernels are as tensors are: F32, or F16.
DataType MultipliedAs(const PartSpec& spec) {
  return !spec.inputs.empty() && spec.inputs[0].dtype == DataType::kF16
             ? DataType::kF16
             : DataType::kF32;
}

}  // namespace

bool IsNarrow(DataType dtype) {
  return dtype == DataType::kF16 || dtype == DataType::kBF16 ||
         dtype == DataType::kI8;
}

WeightLayout Decoded(const WeightLayout& stored, DataType to) {
  WeightLayout decoded = stored;
  decoded.dtype = to;
  return decoded;
}

bool IsNarrow(const PartSpec& spec) {
  if (!std::holds_alternative<Convolution>(spec.op) &&
      !std::holds_alternative<FullyConnected>(spec.op)) {
    return false;
  }
  return !spec.weights.empty() &&
         (spec.weights[0].layout.dtype != MultipliedAs(spec) ||
          ScalesOf(spec).has_value());
}

PartSpec DecodedSpec(const PartSpec& stored) {
  PartSpec decoded = stored;
  if (!IsNarrow(stored)) return decoded;
  decoded.weights = {
      {Decoded(stored.weights[0].layout, MultipliedAs(stored)), 0}};
  if (HasBias(stored.op) && stored.weights.size() > 1) {
    decoded.weights.push_back(
        {stored.weights[1].layout, RoundUp(decoded.weights[0].layout.bytes())});
  }
  return decoded;
}

uint64_t WeightBytes(const PartSpec& decoded) {
  uint64_t bytes = 0;
  for (const WeightPiece& piece : decoded.weights) {
    bytes = std::max<uint64_t>(
        bytes, piece.offset_bytes + RoundUp(piece.layout.bytes()));
  }
  return bytes;
}

std::optional<size_t> ScalesOf(const PartSpec& stored) {
  const size_t others = HasBias(stored.op) ? 2 : 1;
  if (stored.weights.size() <= others) return std::nullopt;
  return others;
}

}  // namespace layerd
