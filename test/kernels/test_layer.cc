#include "test/kernels/test_layer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <sstream>

#include "config/check.h"
#include "config/status_macros.h"
#include "kernels/in_place.h"
#include "kernels/winograd.h"

namespace layerd {
namespace {

// A large number in every type: whoever reads it gives a wrong answer.
constexpr std::byte kGuard{0x7e};
constexpr std::byte kPoison{0xff};
constexpr size_t kPage = 4096;

size_t RoundUp(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

// What an operator wants its numbers to be.
struct Numbers {
  bool far_from_zero = false;  // So that quotients stay near one.
  bool positive = false;       // What logarithms and powers are taken of.
  // Integers lie within [-integer_max, integer_max), and are not zero if they
  // should be far from it. 0: any bytes.
  int64_t integer_max = 0;
};

float DrawFloat(std::mt19937& random, const Numbers& numbers) {
  const float unit = std::uniform_real_distribution<float>(-1, 1)(random);
  const float sign = numbers.positive ? std::abs(unit) : unit;
  return numbers.far_from_zero ? std::copysign(0.5f + std::abs(unit), sign)
                               : sign;
}

int64_t DrawInteger(std::mt19937& random, const Numbers& numbers) {
  const auto span = static_cast<uint32_t>(2 * numbers.integer_max);
  const int64_t drawn =
      static_cast<int64_t>(random() % span) - numbers.integer_max;
  return numbers.far_from_zero && drawn == 0 ? 1 : drawn;
}

std::vector<std::byte> DrawBytes(std::mt19937& random, DataType dtype,
                                 size_t bytes, const Numbers& numbers) {
  std::vector<std::byte> drawn(bytes);
  const bool is_small = numbers.integer_max > 0;
  if (dtype == DataType::kF32) {
    for (size_t i = 0; i + 4 <= bytes; i += 4) {
      const float value = DrawFloat(random, numbers);
      std::memcpy(&drawn[i], &value, 4);
    }
    return drawn;
  }
  if (dtype == DataType::kF64) {
    for (size_t i = 0; i + 8 <= bytes; i += 8) {
      const double value = DrawFloat(random, numbers) + 1e-9 * (i % 7);
      std::memcpy(&drawn[i], &value, 8);
    }
    return drawn;
  }
  if (is_small && (dtype == DataType::kI64 || dtype == DataType::kI32)) {
    const size_t size = SizeOf(dtype);
    for (size_t i = 0; i + size <= bytes; i += size) {
      const int64_t value = DrawInteger(random, numbers);
      std::memcpy(&drawn[i], &value, size);  // Little-endian.
    }
    return drawn;
  }
  for (std::byte& byte : drawn) {
    // 0 to 63: finite in every datatype, both truths among booleans.
    byte =
        static_cast<std::byte>(random() % (dtype == DataType::kBool ? 2 : 64));
  }
  return drawn;
}

Numbers NumbersFor(const PartSpec& spec) {
  Numbers numbers;
  if (const auto* op = std::get_if<Unary>(&spec.op)) {
    numbers.positive = op->activation.kind == ActivationKind::kLog ||
                       op->activation.kind == ActivationKind::kSqrt;
    numbers.far_from_zero = op->activation.kind == ActivationKind::kReciprocal;
    numbers.integer_max = 9;
  } else if (const auto* op = std::get_if<Binary>(&spec.op)) {
    numbers = {true, op->kind == Binary::Kind::kPow, 9};
  } else if (std::holds_alternative<Reduce>(spec.op)) {
    numbers.integer_max = 9;
  } else if (const auto* op = std::get_if<Gather>(&spec.op)) {
    const std::vector<int64_t>& x = spec.weights.empty()
                                        ? spec.inputs[0].shape
                                        : spec.weights[0].layout.shape;
    numbers.integer_max = x[op->axis];
  }
  return numbers;
}

// So that sums of products spread about 1, whatever their length.
void ScaleToFanIn(const PartSpec& spec, std::vector<std::byte>& weights) {
  const std::vector<int64_t>& shape = spec.weights[0].layout.shape;
  // Outputs, or groups of few: then the factor is on the small side.
  const size_t outputs = shape[0];
  const float factor = 2 / std::sqrt(weights.size() / 4.0f / outputs);
  for (size_t i = 0; i < weights.size(); i += 4) {
    float value;
    std::memcpy(&value, &weights[i], 4);
    value *= factor;
    std::memcpy(&weights[i], &value, 4);
  }
}

// The extent of one part: its pieces in the order and layout asked for.
struct PackedPart {
  PartSpec spec;
  std::unique_ptr<GuardedMemory> extent;
};

int64_t FirstOf(const TestLayer& layer, const PartSpec& spec, size_t piece) {
  int64_t groups = 1;
  if (const auto* op = std::get_if<Convolution>(&spec.op)) groups = op->groups;
  if (const auto* op = std::get_if<ConvTranspose>(&spec.op)) {
    groups = op->groups;
  }
  if (groups > 1 && piece == 0) {
    return spec.channels.first * groups / layer.whole.outputs[0].shape[1];
  }
  return spec.channels.first;
}

void PackTransformed(const WeightLayout& layout, const float* windows,
                     float* to) {
  for (int64_t o = 0; o < layout.shape[0]; ++o) {
    for (int64_t i = 0; i < layout.shape[1]; ++i, windows += 9) {
      float points[kWinogradInputs * kWinogradInputs];
      TransformWindow(windows, points);
      for (int64_t p = 0; p < kWinogradInputs * kWinogradInputs; ++p) {
        const int64_t index[] = {o, i, p / kWinogradInputs,
                                 p % kWinogradInputs};
        to[layout.PositionOf(index)] = points[p];
      }
    }
  }
}

void PackPiece(const TestLayer& layer, const PartSpec& spec, size_t i,
               std::byte* extent) {
  const WeightPiece& piece = spec.weights[i];
  const bool is_cut = spec.channels.count > 0;
  const std::vector<int64_t>& shape = piece.layout.shape;
  const int64_t elements =
      TensorType{piece.layout.dtype, shape, {}}.element_count();
  const size_t size = SizeOf(piece.layout.dtype);
  const int64_t skipped =
      is_cut ? FirstOf(layer, spec, i) * (elements / shape[0]) : 0;
  std::vector<int64_t> index(shape.size(), 0);
  if (piece.layout.transform == WeightLayout::Transform::kWinograd) {
    return PackTransformed(
        piece.layout,
        reinterpret_cast<const float*>(layer.weights[i].data()) + skipped,
        reinterpret_cast<float*>(extent + piece.offset_bytes));
  }
  for (int64_t e = 0; e < elements; ++e) {
    std::memcpy(
        extent + piece.offset_bytes + piece.layout.PositionOf(index) * size,
        &layer.weights[i][(skipped + e) * size], size);
    for (size_t d = shape.size(); d-- > 0;) {
      if (++index[d] < shape[d]) break;
      index[d] = 0;
    }
  }
}

absl::StatusOr<PackedPart> Pack(Backend& backend, const TestLayer& layer,
                                PartSpec spec) {
  ASSIGN_OR_RETURN(const std::vector<WeightLayout> layouts,
                   backend.WeightLayouts(spec));
  LAYERD_CHECK(layouts.size() == spec.weights.size());
  size_t bytes = 0;
  for (size_t i = 0; i < layouts.size(); ++i) {
    spec.weights[i] = {layouts[i], bytes};
    bytes += RoundUp(layouts[i].bytes(), 256);
  }
  auto extent = std::make_unique<GuardedMemory>(RoundUp(bytes, kPage));
  std::memset(extent->data(), 0, extent->size());
  for (size_t i = 0; i < layouts.size(); ++i) {
    PackPiece(layer, spec, i, extent->data());
  }
  return PackedPart{std::move(spec), std::move(extent)};
}

std::vector<const std::byte*> Shifted(std::vector<const std::byte*> inputs,
                                      const PartPlace& place) {
  for (size_t i = 0; i < place.input_offsets_bytes.size(); ++i) {
    inputs[i] += place.input_offsets_bytes[i];
  }
  return inputs;
}

absl::Status RunPart(Backend& backend, const PackedPart& part,
                     const std::vector<const std::byte*>& inputs,
                     std::byte* output, bool& guards_held) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Kernel> kernel,
                   backend.Prepare(part.spec));
  const GuardedMemory scratch(kernel->scratch_bytes());
  std::memset(scratch.data(), 0xff, scratch.size());
  const GuardedMemory decoded(kernel->decoded_bytes());
  std::memset(decoded.data(), 0xff, decoded.size());
  std::byte* const outputs[] = {output};
  ASSIGN_OR_RETURN(
      const Ticket ticket,
      backend.Enqueue(*kernel, {inputs, part.extent->data(), outputs,
                                scratch.data(), decoded.data()}));
  const absl::Status status = backend.Wait(ticket);
  guards_held = guards_held && scratch.guards_hold() && decoded.guards_hold() &&
                part.extent->guards_hold();
  return status;
}

}  // namespace

GuardedMemory::GuardedMemory(size_t bytes, size_t shift_bytes)
    : bytes_(bytes),
      all_bytes_(RoundUp(2 * kGuardBytes + bytes + shift_bytes, kPage)) {
  all_.reset(static_cast<std::byte*>(std::aligned_alloc(kPage, all_bytes_)));
  LAYERD_CHECK(all_ != nullptr);
  std::fill(all_.get(), all_.get() + all_bytes_, kGuard);
  data_ = all_.get() + kGuardBytes + shift_bytes;
}

bool GuardedMemory::guards_hold() const {
  const auto is_guard = [](std::byte byte) { return byte == kGuard; };
  return std::all_of(all_.get(), data_, is_guard) &&
         std::all_of(data_ + bytes_, all_.get() + all_bytes_, is_guard);
}

TestLayer Draw(std::string name, PartSpec spec, uint32_t seed) {
  std::mt19937 random(seed);
  const Numbers numbers = NumbersFor(spec);
  TestLayer layer{std::move(name), std::move(spec), {}, {}};
  PartSpec& whole = layer.whole;
  const std::vector<int64_t>& y = whole.outputs[0].shape;
  if (std::holds_alternative<Convolution>(whole.op) ||
      std::holds_alternative<ConvTranspose>(whole.op)) {
    whole.channels = {0, y[1]};
    whole.rows = {0, y[2]};
  } else if (std::holds_alternative<FullyConnected>(whole.op)) {
    whole.channels = {0, y.back()};
    whole.rows = {0, whole.outputs[0].element_count() / y.back()};
  }
  for (const TensorType& type : whole.inputs) {
    layer.inputs.push_back(
        DrawBytes(random, type.dtype, type.span_bytes(), numbers));
  }
  for (const WeightPiece& piece : whole.weights) {
    layer.weights.push_back(
        DrawBytes(random, piece.layout.dtype, piece.layout.bytes(), numbers));
  }
  if (whole.channels.count > 0 && !layer.weights.empty()) {
    ScaleToFanIn(whole, layer.weights[0]);
  }
  return layer;
}

PartSpec PartOf(const TestLayer& layer, const Range& channels,
                const Range& rows) {
  PartSpec spec = layer.whole;
  const int64_t all = spec.channels.count;
  spec.channels = channels;
  spec.rows = rows;
  for (WeightPiece& piece : spec.weights) {
    std::vector<int64_t> shape = piece.layout.shape;
    shape[0] = shape[0] * channels.count / all;
    piece.layout = WeightLayout::Plain(piece.layout.dtype, shape);
  }
  return spec;
}

Outcome Run(Backend& backend, const TestLayer& layer,
            const std::vector<PartSpec>& parts, const RunOptions& options) {
  Outcome outcome;
  const GuardedMemory output(layer.whole.outputs[0].span_bytes(),
                             options.shift_bytes);
  std::fill(output.data(), output.data() + output.size(), kPoison);
  std::vector<GuardedMemory> memories;
  std::vector<const std::byte*> inputs;
  size_t written_over = layer.inputs.size();
  if (options.in_place) {
    written_over = InputInPlace(layer.whole.op).value_or(written_over);
  }
  for (const std::vector<std::byte>& input : layer.inputs) {
    const bool in_place = inputs.size() == written_over;
    memories.emplace_back(input.size(), options.shift_bytes);
    std::byte* to = in_place ? output.data() : memories.back().data();
    std::copy(input.begin(), input.end(), to);
    inputs.push_back(to);
  }
  for (size_t p = 0; p < parts.size(); ++p) {
    absl::StatusOr<PackedPart> part = Pack(backend, layer, parts[p]);
    outcome.status = part.status();
    if (part.ok()) {
      const PartPlace place =
          options.places.empty() ? PartPlace{} : options.places[p];
      outcome.status = RunPart(backend, *part, Shifted(inputs, place),
                               output.data() + place.output_offset_bytes,
                               outcome.guards_held);
    }
    if (!outcome.status.ok()) return outcome;
  }
  outcome.output.assign(output.data(), output.data() + output.size());
  for (size_t i = 0; i < memories.size(); ++i) {
    if (i == written_over) continue;
    outcome.guards_held = outcome.guards_held && memories[i].guards_hold() &&
                          std::equal(layer.inputs[i].begin(),
                                     layer.inputs[i].end(), memories[i].data());
  }
  outcome.guards_held = outcome.guards_held && output.guards_hold();
  return outcome;
}

Outcome Run(Backend& backend, const TestLayer& layer,
            const RunOptions& options) {
  return Run(backend, layer, {layer.whole}, options);
}

std::string Difference(DataType dtype, const std::vector<std::byte>& actual,
                       const std::vector<std::byte>& expected) {
  if (actual.size() != expected.size()) return "other sizes";
  const size_t size = SizeOf(dtype);
  for (size_t i = 0; i < actual.size(); i += size) {
    if (std::equal(&actual[i], &actual[i] + size, &expected[i])) continue;
    std::ostringstream text;
    text << "element " << i / size << " of " << actual.size() / size;
    if (dtype != DataType::kF32) return text.str();
    float a, e;
    std::memcpy(&a, &actual[i], 4);
    std::memcpy(&e, &expected[i], 4);
    // A NaN is near nothing: neither where only one side was written.
    if (std::abs(a - e) <= 1e-5f + 1e-4f * std::abs(e)) continue;
    text << " is " << a << ", expected " << e;
    return text.str();
  }
  return "";
}

}  // namespace layerd
