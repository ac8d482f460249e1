#include "test/gpu/half_layer.h"

#include <cstdint>
#include <cstring>
#include <variant>

#include "kernels/half.h"

namespace layerd {
namespace {

using Bytes = std::vector<std::byte>;

Bytes Narrowed(const Bytes& floats) {
  Bytes halves(floats.size() / 2);
  for (size_t i = 0; i < halves.size(); i += 2) {
    float value;
    std::memcpy(&value, &floats[2 * i], 4);
    const uint16_t half = HalfFromFloat(value);
    std::memcpy(&halves[i], &half, 2);
  }
  return halves;
}

// A constant that is copied out or looked up in stays what it is, and so does a
// transposed convolution whose kernel is narrow: none of halves has that.
bool Computes(const PartSpec& spec) {
  if (spec.weights.empty()) return true;
  if (std::holds_alternative<ConvTranspose>(spec.op)) {
    return spec.weights[0].layout.dtype == DataType::kF32;
  }
  return !std::holds_alternative<Copy>(spec.op) &&
         !std::holds_alternative<Gather>(spec.op);
}

bool HasKernel(const Operator& op) {
  return std::holds_alternative<Convolution>(op) ||
         std::holds_alternative<FullyConnected>(op);
}

bool HasBias(const Operator& op) {
  if (const auto* conv = std::get_if<Convolution>(&op)) return conv->has_bias;
  return std::get<FullyConnected>(op).has_bias;
}

// `dtype` and `bytes` in both layers.
void Halve(DataType* dtype, Bytes* half, Bytes* rounded) {
  if (*dtype != DataType::kF32) return;
  *dtype = DataType::kF16;
  *half = Narrowed(*rounded);
  *rounded = Widened(*half);
}

}  // namespace

bool HasFloatKernel(const PartSpec& spec) {
  return HasKernel(spec.op) && !spec.weights.empty() &&
         spec.weights[0].layout.dtype == DataType::kF32;
}

Bytes Widened(const Bytes& halves) {
  Bytes floats(halves.size() * 2, std::byte{0xff});
  for (size_t i = 0; i + 2 <= halves.size(); i += 2) {
    uint16_t half;
    std::memcpy(&half, &halves[i], 2);
    if (half == 0xffff) continue;
    const float value = FloatFromHalf(half);
    std::memcpy(&floats[2 * i], &value, 4);
  }
  return floats;
}

HalfLayer InHalf(const TestLayer& layer, bool halves_kernel) {
  HalfLayer both{layer, layer};
  PartSpec& spec = both.half.whole;
  if (!Computes(spec)) return both;
  for (size_t i = 0; i < spec.inputs.size(); ++i) {
    Halve(&spec.inputs[i].dtype, &both.half.inputs[i], &both.rounded.inputs[i]);
  }
  for (TensorType& output : spec.outputs) {
    if (output.dtype == DataType::kF32) output.dtype = DataType::kF16;
  }
  if (!HasKernel(spec.op) || spec.weights.empty()) return both;
  for (size_t w = 0; w < (HasBias(spec.op) ? 2 : 1); ++w) {
    Halve(&spec.weights[w].layout.dtype, &both.half.weights[w],
          &both.rounded.weights[w]);
  }
  if (!halves_kernel && HasFloatKernel(layer.whole)) {
    spec.weights[0] = layer.whole.weights[0];
    both.half.weights[0] = layer.weights[0];
  }
  return both;
}

}  // namespace layerd
