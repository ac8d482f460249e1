#include "kernels/cpu/weight_decoder.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <numeric>
#include <random>

#include "kernels/cpu/team.h"
#include "kernels/decoded_part.h"
#include "kernels/half.h"
#include "kernels/reference/plain_decoder.h"
#include "test/catch/catch.h"

namespace layerd::cpu {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Sign, exponent and fraction, by their definition.
float ValueOf(uint32_t bits, int exponent_bits, int fraction_bits) {
  const uint32_t fraction = bits & ((1u << fraction_bits) - 1);
  const uint32_t top = (1u << exponent_bits) - 1;
  const uint32_t exponent = bits >> fraction_bits & top;
  const int bias = static_cast<int>(top / 2);
  float value = kInfinity;
  if (exponent == top && fraction != 0) return std::nanf("");
  if (exponent == 0) {
    value = std::ldexp(static_cast<float>(fraction), 1 - bias - fraction_bits);
  } else if (exponent < top) {
    value = std::ldexp(static_cast<float>(fraction + (1u << fraction_bits)),
                       static_cast<int>(exponent) - bias - fraction_bits);
  }
  return bits >> (exponent_bits + fraction_bits) ? -value : value;
}

bool Same(float actual, float expected) {
  if (std::isnan(expected)) return std::isnan(actual);
  return std::bit_cast<uint32_t>(actual) == std::bit_cast<uint32_t>(expected);
}

TEST_CASE("Every half and every bfloat16 widens to itself in every set") {
  std::vector<uint16_t> all(1 << 16);
  std::iota(all.begin(), all.end(), 0);
  for (const DecodeRows* rows : AllDecodeRows()) {
    INFO(rows->isa);
    std::vector<float> halves(all.size()), bfloats(all.size());
    rows->half(all.data(), halves.data(), all.size());
    rows->bfloat16(all.data(), bfloats.data(), all.size());
    int wrong = 0;
    for (uint32_t bits = 0; bits < all.size(); ++bits) {
      wrong += !Same(halves[bits], ValueOf(bits, 5, 10));
      wrong += !Same(bfloats[bits], ValueOf(bits, 8, 7));
      // NaNs too are the same numbers in every set.
      wrong += std::bit_cast<uint32_t>(halves[bits]) !=
               std::bit_cast<uint32_t>(FloatFromHalf(all[bits]));
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("Every int8 times a scale is one rounding, in every set") {
  std::vector<int8_t> all(256);
  std::iota(all.begin(), all.end(), -128);
  for (const DecodeRows* rows : AllDecodeRows()) {
    for (const float scale : {1.0f, 0.1f, 3.1e-39f, 2.9e36f, 0.0f}) {
      INFO(rows->isa << ", scale " << scale);
      std::vector<float> decoded(all.size());
      rows->scaled_int8(all.data(), decoded.data(), all.size(), 1, &scale);
      int wrong = 0;
      for (size_t i = 0; i < all.size(); ++i) {
        wrong += !Same(decoded[i], static_cast<float>(double{scale} * all[i]));
      }
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("Any number of elements at any address is decoded, and no more") {
  std::vector<uint16_t> from(200);
  for (size_t i = 0; i < from.size(); ++i) from[i] = HalfFromFloat(1.0f + i);
  for (const DecodeRows* rows : AllDecodeRows()) {
    for (int64_t first = 0; first < 3; ++first) {
      for (int64_t count = 0; count < 70; ++count) {
        INFO(rows->isa << ": " << count << " from " << first);
        std::vector<float> to(200, -1);
        rows->half(from.data() + first, to.data() + first, count);
        for (int64_t i = 0; i < 200; ++i) {
          const bool decoded = i >= first && i < first + count;
          REQUIRE(to[i] == (decoded ? 1.0f + i : -1));
        }
      }
    }
  }
}

// A part with a kernel of this layout, for the decoder alone.
struct Case {
  const char* name;
  std::vector<int64_t> shape, padded_shape;
  std::vector<WeightLayout::Block> blocks;
  int64_t groups = 1;
};

const std::vector<Case>& Cases() {
  static const std::vector<Case> cases = {
      {"plain", {5, 7, 3, 3}, {5, 7, 3, 3}, {}},
      {"matrix", {48, 33}, {48, 33}, {}},
      {"16 outputs", {32, 8, 3, 3}, {32, 8, 3, 3}, {{0, 16}}},
      {"64 outputs, padded", {70, 3, 3, 3}, {128, 3, 3, 3}, {{0, 64}}},
      {"16 inputs, 32 outputs",
       {64, 24, 1, 1},
       {64, 32, 1, 1},
       {{1, 16}, {0, 32}}},
      {"outputs outside inputs", {32, 32, 3}, {32, 32, 3}, {{0, 8}, {1, 8}}},
      {"two blocks of outputs", {32, 4}, {32, 4}, {{0, 4}, {1, 2}, {0, 2}}},
      {"more lanes than there are registers", {128, 3}, {128, 3}, {{0, 128}}},
      {"24 lanes", {48, 5}, {48, 5}, {{0, 24}}},
      {"groups", {3, 4, 5, 3, 3}, {3, 4, 5, 3, 3}, {}, 3},
      {"groups of blocks", {2, 16, 4, 1, 1}, {2, 16, 4, 1, 1}, {{1, 16}}, 2},
      {"depthwise, padded", {20, 1, 1, 3, 3}, {32, 1, 1, 3, 3}, {{0, 16}}, 20},
      {"groups of two, side by side",
       {16, 2, 1, 3, 3},
       {16, 2, 1, 3, 3},
       {{0, 16}},
       16},
  };
  return cases;
}

WeightLayout LayoutOf(const Case& c, DataType dtype) {
  WeightLayout layout;
  layout.dtype = dtype;
  layout.shape = c.shape;
  layout.padded_shape = c.padded_shape;
  layout.blocks = c.blocks;
  std::vector<int64_t> outer = c.padded_shape;
  int64_t stride = 1;
  for (const WeightLayout::Block& block : c.blocks) {
    outer[block.dimension] /= block.size;
    stride *= block.size;
  }
  layout.strides = PlainStrides(outer);
  for (int64_t& s : layout.strides) s *= stride;
  return layout;
}

PartSpec PartOf(const Case& c, DataType dtype, bool scaled) {
  const int64_t channels = c.groups > 1 ? c.shape[0] * c.shape[1] : c.shape[0];
  PartSpec spec;
  Convolution conv;
  conv.groups = c.groups;
  conv.has_bias = true;
  spec.op = conv;
  spec.channels = {0, channels};
  spec.weights.push_back({LayoutOf(c, dtype), 0});
  uint64_t end = spec.weights[0].layout.bytes();
  for (int vectors = scaled ? 2 : 1; vectors > 0; --vectors) {
    const uint64_t offset = (end + 255) / 256 * 256;
    spec.weights.push_back(
        {WeightLayout::Plain(DataType::kF32, {channels}), offset});
    end = offset + channels * 4;
  }
  return spec;
}

// Elements anywhere, padding zero, scales and bias at random.
std::vector<std::byte> DrawExtent(const PartSpec& spec, uint32_t seed) {
  std::mt19937 random(seed);
  const WeightLayout& kernel = spec.weights[0].layout;
  std::vector<std::byte> extent(spec.weights.back().offset_bytes +
                                spec.weights.back().layout.bytes());
  const size_t size = SizeOf(kernel.dtype);
  std::vector<int64_t> index(kernel.shape.size(), 0);
  bool more = true;
  while (more) {
    const uint16_t bits = random() & 0x3fff;  // Finite as a half.
    std::memcpy(extent.data() + kernel.PositionOf(index) * size, &bits, size);
    size_t d = index.size();
    while (d > 0 && ++index[d - 1] == kernel.shape[d - 1]) index[--d] = 0;
    more = d > 0;
  }
  for (size_t w = 1; w < spec.weights.size(); ++w) {
    for (int64_t c = 0; c < spec.channels.count; ++c) {
      const float value = std::uniform_real_distribution<float>()(random);
      std::memcpy(extent.data() + spec.weights[w].offset_bytes + 4 * c, &value,
                  4);
    }
  }
  return extent;
}

void CheckDecoder(const PartSpec& spec, const DecodeRows& rows) {
  const std::vector<std::byte> extent = DrawExtent(spec, 5);
  const PlainDecoder plain(spec);
  const WeightDecoder decoder(spec, rows);
  REQUIRE(decoder.decoded_bytes() == plain.decoded_bytes());
  std::vector<std::byte> expected(plain.decoded_bytes());
  plain.Decode(extent.data(), expected.data());
  std::vector<std::byte> actual(decoder.decoded_bytes());
  decoder.Decode(extent.data(), actual.data());
  CHECK(actual == expected);
}

TEST_CASE("Every layout is decoded as element by element, padding to zero") {
  for (const DecodeRows* rows : AllDecodeRows()) {
    for (const Case& c : Cases()) {
      for (const bool scaled : {false, true}) {
        for (const DataType dtype :
             {DataType::kF16, DataType::kBF16, DataType::kI8}) {
          if (dtype == DataType::kI8 && !scaled) continue;
          INFO(rows->isa << ": " << c.name << ", " << NameOf(dtype)
                         << (scaled ? ", scaled" : ""));
          CheckDecoder(PartOf(c, dtype, scaled), *rows);
        }
      }
    }
  }
}

TEST_CASE("Threads share the decoding and change nothing") {
  const Case large{"large", {96, 700}, {128, 700}, {{0, 64}}};
  const Case plain{"plain", {96, 700}, {96, 700}, {}};
  for (const int threads : {1, 2, 3}) {
    const auto team = std::make_unique<Team>(threads);
    const ThreadsScope scope(threads, team.get());
    INFO(threads << " threads");
    for (const Case& c : {large, plain}) {
      CheckDecoder(PartOf(c, DataType::kI8, true), *AllDecodeRows().front());
      CheckDecoder(PartOf(c, DataType::kF16, true), *AllDecodeRows().front());
      CheckDecoder(PartOf(c, DataType::kF16, false), *AllDecodeRows().front());
    }
  }
}

}  // namespace
}  // namespace layerd::cpu
