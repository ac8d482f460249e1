#include "kernels/decoded_part.h"

#include <algorithm>
#include <variant>

#include "kernels/type_check.h"

namespace layerd {
namespace {

bool HasBias(const Operator& op) {
  if (const auto* conv = std::get_if<Convolution>(&op)) return conv->has_bias;
  if (const auto* conv = std::get_if<ConvTranspose>(&op)) return conv->has_bias;
  const auto* linear = std::get_if<FullyConnected>(&op);
  return linear != nullptr && linear->has_bias;
}

bool MultipliesHalves(const Operator& op) {
  return std::holds_alternative<Convolution>(op) ||
         std::holds_alternative<FullyConnected>(op);
}

uint64_t RoundUp(uint64_t bytes) {
  return (bytes + kWeightAlignment - 1) / kWeightAlignment * kWeightAlignment;
}

// Kernels are as tensors are: F32, or F16.
DataType MultipliedAs(const PartSpec& spec) {
  return MultipliesHalves(spec.op) && !spec.inputs.empty() &&
                 spec.inputs[0].dtype == DataType::kF16
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

size_t KernelsOf(const Operator& op) {
  const auto* recurrent = std::get_if<Recurrent>(&op);
  const bool two =
      recurrent != nullptr && recurrent->kind == Recurrent::Kind::kGru;
  return two ? 2 : 1;
}

bool IsNarrow(const PartSpec& spec) {
  if (spec.weights.empty()) return false;
  const DataType stored = spec.weights[0].layout.dtype;
  if (std::holds_alternative<ConvTranspose>(spec.op) ||
      std::holds_alternative<Recurrent>(spec.op)) {
    return IsNarrow(stored);
  }
  return MultipliesHalves(spec.op) &&
         (stored != MultipliedAs(spec) || ScalesOf(spec).has_value());
}

PartSpec DecodedSpec(const PartSpec& stored) {
  PartSpec decoded = stored;
  if (!IsNarrow(stored)) return decoded;
  decoded.weights.resize(ScalesOf(stored).value_or(stored.weights.size()));
  uint64_t offset = 0;
  for (size_t w = 0; w < decoded.weights.size(); ++w) {
    WeightPiece& piece = decoded.weights[w];
    if (w < KernelsOf(stored.op)) {
      piece.layout = Decoded(piece.layout, MultipliedAs(stored));
    }
    piece.offset_bytes = offset;
    offset = RoundUp(offset + piece.layout.bytes());
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
  if (std::holds_alternative<Recurrent>(stored.op)) return std::nullopt;
  const size_t others = HasBias(stored.op) ? 2 : 1;
  if (stored.weights.size() <= others) return std::nullopt;
  return others;
}

bool IsGrouped(const Operator& op) {
  if (const auto* conv = std::get_if<Convolution>(&op)) return conv->groups > 1;
  const auto* conv = std::get_if<ConvTranspose>(&op);
  return conv != nullptr && conv->groups > 1;
}

int64_t ChannelStep(const PartSpec& stored, size_t d) {
  const bool grouped = IsGrouped(stored.op);
  if (grouped && d == 0) return stored.weights[0].layout.shape[1];
  return d == (grouped ? 1 : 0) ? 1 : 0;
}

}  // namespace layerd
