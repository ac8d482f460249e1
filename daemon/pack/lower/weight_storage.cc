#include "daemon/pack/lower/weight_storage.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <variant>

#include "absl/strings/str_format.h"
#include "kernels/decoded_part.h"
#include "kernels/half.h"

namespace layerd {
namespace {

constexpr float kInt8Most = 127;

absl::Status TooLarge(float value, const char* type, double most) {
  return absl::OutOfRangeError(
      absl::StrFormat("weight %g cannot be stored as %s, which ends at %g; "
                      "pack with --weights bf16 or f32",
                      value, type, most));
}

// Beside halves, scales would only be multiplied into halves again.
bool ComputesInHalf(const Program& program, size_t layer) {
  const uint32_t output = program.layers[layer].outputs[0];
  return program.tensors[output].type.dtype == DataType::kF16;
}

bool HasKernel(const Operator& op) {
  return std::holds_alternative<Convolution>(op) ||
         std::holds_alternative<ConvTranspose>(op) ||
         std::holds_alternative<FullyConnected>(op);
}

// Where there are no scales, halves are the least.
DataType HalfOf(DataType type) {
  return type == DataType::kI8 ? DataType::kF16 : type;
}

bool IsHalf(DataType type) {
  return type == DataType::kF16 || type == DataType::kBF16;
}

// Whether all that a constant may store lies within I8 once its zero point is
// off.
bool FitsInt8(const Constant& constant) {
  const int64_t steps = int64_t{1} << (8 / constant.per_byte);
  const int64_t least = constant.dtype == DataType::kI8 ? -steps / 2 : 0;
  const auto fits = [&](int64_t zero) {
    return least - zero >= -128 && least + steps - 1 - zero <= 127;
  };
  return constant.zero_points.empty()
             ? fits(0)
             : std::all_of(constant.zero_points.begin(),
                           constant.zero_points.end(), fits);
}

// Whether dividing by it finds the byte again.
bool IsSound(float scale) {
  constexpr float kMost = std::numeric_limits<float>::max() / 256;
  return scale == 0 || (std::isnormal(scale) && std::abs(scale) <= kMost);
}

// What lies between the numbers of one output channel and of the next one.
int64_t ChannelElements(const Weight& kernel) {
  int64_t elements = kernel.transposed ? 1 : kernel.shape[1];
  for (size_t d = 2; d < kernel.shape.size(); ++d) elements *= kernel.shape[d];
  return elements;
}

int64_t GroupsOf(const Operator& op) {
  const auto* transposed = std::get_if<ConvTranspose>(&op);
  return transposed != nullptr ? transposed->groups : 1;
}

float Largest(const std::vector<float>& scales) {
  float most = scales.empty() ? 1.0f : 0.0f;
  for (const float scale : scales) most = std::max(most, std::abs(scale));
  return most;
}

// Trained weights are between 2^-8 and 2^3 or so, and halves keep their digits
// from 2^-14 and end at 2^16. What is folded into a kernel may take it out of
// there: pixels over 65535, or channels whose variance is next to nothing.
bool LeavesHalves(const Weight& kernel) {
  constexpr float kLeast = 0x1p-6f, kMost = 0x1p8f;
  const float folded =
      Largest(kernel.output_scale) * Largest(kernel.input_scale);
  return folded < kLeast || folded > kMost;
}

// Halves of the model stay as they are: nothing is lost, and nothing gained by
// other halves.
DataType TypeOfRows(const Graph& graph, const Weight& rows, DataType type) {
  if (rows.constant < 0 || rows.dtype != DataType::kF32) return DataType::kF32;
  const Constant& constant = graph.constants[rows.constant];
  const bool is_half = !constant.is_quantised() && IsHalf(constant.dtype);
  return is_half ? constant.dtype : HalfOf(type);
}

}  // namespace

absl::StatusOr<DataType> WeightType(const std::string& word) {
  if (word == "f32") return DataType::kF32;
  if (word == "f16") return DataType::kF16;
  if (word == "bf16") return DataType::kBF16;
  if (word == "i8") return DataType::kI8;
  return absl::InvalidArgumentError(absl::StrFormat(
      "weights: \"%s\" is unknown; use f32, f16, bf16 or i8", word));
}

std::vector<float> OwnScales(const Graph& graph, const Operator& op,
                             const Weight& kernel) {
  if (kernel.constant < 0 || !kernel.input_scale.empty()) return {};
  const Constant& constant = graph.constants[kernel.constant];
  const auto count = static_cast<int64_t>(constant.scales.size());
  const int64_t channels = kernel.shape[0];
  // Each group of a transposed convolution has the same ones.
  const bool is_each = count == channels / GroupsOf(op) &&
                       constant.run_elements == ChannelElements(kernel);
  const bool is_bytes =
      constant.dtype == DataType::kI8 || constant.dtype == DataType::kU8;
  if (count == 0 || constant.blocks || !is_bytes || !FitsInt8(constant) ||
      (count != 1 && !is_each)) {
    return {};
  }
  std::vector<float> scales;
  for (int64_t o = 0; o < channels; ++o) {
    const float folded =
        kernel.output_scale.empty() ? 1.0f : kernel.output_scale[o];
    scales.push_back(constant.scales[o % count] * folded);
  }
  const bool are_sound = std::all_of(scales.begin(), scales.end(), IsSound);
  return are_sound ? scales : std::vector<float>();
}

bool KeepsOutputScales(const Graph& graph, const Weight& kernel) {
  return IsHalf(kernel.stored) && !kernel.output_scale.empty() &&
         kernel.input_scale.empty() && kernel.constant >= 0 &&
         graph.constants[kernel.constant].dtype == kernel.stored;
}

void ChooseStorage(const Graph& graph, DataType type, bool widens_bytes,
                   Lowered* lowered) {
  for (size_t l = 0; l < lowered->weights.size(); ++l) {
    // A kernel that is computed at run time is no weight.
    if (lowered->weights[l].empty()) continue;
    const Operator& op = lowered->program.layers[l].op;
    Weight& kernel = lowered->weights[l][0];
    const bool half = ComputesInHalf(lowered->program, l);
    if (std::holds_alternative<Gather>(op)) {
      kernel.stored = TypeOfRows(graph, kernel, type);
    } else if (std::holds_alternative<Recurrent>(op)) {
      for (size_t w = 0; w < KernelsOf(op); ++w) {
        lowered->weights[l][w].stored = HalfOf(type);
      }
    }
    if (!HasKernel(op)) continue;
    if (half && std::holds_alternative<ConvTranspose>(op)) continue;
    kernel.stored = type;
    if (type == DataType::kF32 && !half && !widens_bytes &&
        !OwnScales(graph, op, kernel).empty()) {
      kernel.stored = DataType::kI8;
    }
    if (half && lowered->weights[l].size() > 1) {
      lowered->weights[l][1].stored = DataType::kF16;
    }
    kernel.scaled =
        kernel.stored == DataType::kI8 ||
        (!half && KeepsOutputScales(graph, kernel)) ||
        (!half && kernel.stored == DataType::kF16 && LeavesHalves(kernel));
  }
}

DataType NarrowestStored(const Lowered& lowered, DataType type) {
  for (const std::vector<Weight>& weights : lowered.weights) {
    if (weights.empty()) continue;
    const DataType stored = weights[0].stored;
    if (SizeOf(stored) < SizeOf(type)) type = stored;
  }
  return type;
}

float HalfScale(float largest) {
  if (largest == 0 || !std::isfinite(largest)) return 1;
  return std::ldexp(1.0f, std::ilogb(largest));
}

absl::Status NarrowToHalf(std::span<const float> from, uint16_t* to) {
  for (const float value : from) {
    *to = HalfFromFloat(value);
    if (std::isfinite(value) && !std::isfinite(FloatFromHalf(*to))) {
      return TooLarge(value, "f16", 65504);
    }
    ++to;
  }
  return absl::OkStatus();
}

absl::Status NarrowToBFloat16(std::span<const float> from, uint16_t* to) {
  for (const float value : from) {
    *to = BFloat16FromFloat(value);
    if (std::isfinite(value) && !std::isfinite(FloatFromBFloat16(*to))) {
      return TooLarge(value, "bf16", FloatFromBFloat16(0x7f7f));
    }
    ++to;
  }
  return absl::OkStatus();
}

absl::StatusOr<float> Int8Scale(float largest) {
  if (std::isfinite(largest)) return largest / kInt8Most;
  return absl::OutOfRangeError(absl::StrFormat(
      "weight %g cannot be stored as i8; pack with --weights f32", largest));
}

int8_t NarrowToInt8(float value, float scale) {
  if (scale == 0) return 0;
  const double steps = std::nearbyint(static_cast<double>(value) / scale);
  return static_cast<int8_t>(std::clamp<double>(steps, -kInt8Most, kInt8Most));
}

int8_t OwnInt8(float value, float scale) {
  if (scale == 0) return 0;
  return static_cast<int8_t>(
      std::nearbyint(static_cast<double>(value) / scale));
}

}  // namespace layerd
