#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>

#include "config/check.h"
#include "kernels/half.h"
#include "test/kernels/cases.h"

namespace layerd {
namespace {

float FloatAt(const std::vector<std::byte>& bytes, size_t i) {
  float value;
  std::memcpy(&value, &bytes[4 * i], 4);
  return value;
}

void Append(float value, std::vector<std::byte>* bytes) {
  bytes->resize(bytes->size() + 4);
  std::memcpy(&(*bytes)[bytes->size() - 4], &value, 4);
}

struct Way {
  const char* name;
  DataType dtype;
  bool scaled;
};

constexpr Way kWays[] = {{"F16", DataType::kF16, false},
                         {"F16, scaled", DataType::kF16, true},
                         {"BF16", DataType::kBF16, false},
                         {"BF16, scaled", DataType::kBF16, true},
                         {"I8", DataType::kI8, true}};

// As stored, and what that means.
std::pair<uint16_t, float> Narrow(float value, DataType dtype, float scale) {
  if (dtype == DataType::kI8) {
    const auto stored = static_cast<int8_t>(
        std::clamp(std::nearbyint(value / scale), -127.0f, 127.0f));
    return {static_cast<uint8_t>(stored), static_cast<float>(stored) * scale};
  }
  const uint16_t bits = dtype == DataType::kF16
                            ? HalfFromFloat(value / scale)
                            : BFloat16FromFloat(value / scale);
  const float wide =
      dtype == DataType::kF16 ? FloatFromHalf(bits) : FloatFromBFloat16(bits);
  return {bits, wide * scale};
}

NarrowCase CaseOf(const TestLayer& layer, const Way& way) {
  NarrowCase made{layer, layer};
  made.narrow.name += std::string(", ") + way.name;
  const std::vector<std::byte>& from = layer.weights[0];
  const size_t elements = from.size() / 4;
  const int64_t channels = layer.whole.channels.count;
  std::vector<std::byte> stored, decoded, scales;
  for (size_t i = 0; i < elements; ++i) {
    const size_t channel = i / (elements / channels);
    // Of one step for integers, of anything for halves.
    const float scale = way.scaled ? (1 + channel % 7) * 0x1.1p-7f : 1;
    const auto [bits, value] = Narrow(FloatAt(from, i), way.dtype, scale);
    for (size_t byte = 0; byte < SizeOf(way.dtype); ++byte) {
      stored.push_back(static_cast<std::byte>(bits >> (8 * byte)));
    }
    Append(value, &decoded);
    if (i % (elements / channels) == 0) Append(scale, &scales);
  }
  WeightPiece& kernel = made.narrow.whole.weights[0];
  kernel.layout = WeightLayout::Plain(way.dtype, kernel.layout.shape);
  made.narrow.weights[0] = std::move(stored);
  made.decoded.weights[0] = std::move(decoded);
  if (way.scaled) {
    made.narrow.whole.weights.push_back(PlainPiece({channels}));
    made.narrow.weights.push_back(std::move(scales));
  }
  return made;
}

}  // namespace

std::vector<NarrowCase> NarrowCasesOf(const TestLayer& layer) {
  std::vector<NarrowCase> cases;
  for (const Way& way : kWays) cases.push_back(CaseOf(layer, way));
  return cases;
}

std::vector<NarrowCase> NarrowCases() {
  std::vector<TestLayer> layers = FullyConnectedCases();
  for (const TestLayer& layer : ConvolutionCases()) layers.push_back(layer);
  for (const TestLayer& layer : ConvTransposeCases()) layers.push_back(layer);
  std::vector<NarrowCase> cases;
  for (size_t i = 0; i < layers.size(); i += 2) {
    // Each layer one way, each way many layers; two layers all ways.
    for (size_t w = 0; w < std::size(kWays); ++w) {
      if (i % 20 != 0 && i / 2 % std::size(kWays) != w) continue;
      cases.push_back(CaseOf(layers[i], kWays[w]));
    }
  }
  LAYERD_CHECK(cases.size() > 15);
  return cases;
}

}  // namespace layerd
