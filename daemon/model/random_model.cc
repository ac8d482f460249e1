#include "daemon/model/random_model.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <utility>

#include "config/check.h"
#include "kernels/half.h"
#include "loader/store/layer_file_writer.h"

namespace layerd {
namespace {

constexpr int64_t kRows = 6;
constexpr int64_t kColumns = 5;
constexpr uint32_t kTileBytes = 4096;

class Builder {
 public:
  Builder(uint32_t seed, RandomModel* model)
      : random_(seed), model_(*model), program_(model->program) {}

  void Build(size_t layers) {
    last_ = AddTensor("x", 3 + Dice(6));
    program_.inputs = {last_};
    AddConvolution("conv0");
    for (size_t l = 1; l < layers; ++l) {
      const std::string name = "conv" + std::to_string(l);
      switch (Dice(5)) {
        case 0:
          AddSum("sum" + std::to_string(l));
          break;
        case 1:
          AddAgain(name);
          break;
        default:
          AddConvolution(name);
      }
    }
    program_.outputs = {last_};
    if (Dice(2) == 0 && last_ > 1) program_.outputs.push_back(last_ - 1);
  }

 private:
  int64_t Dice(int64_t sides) { return random_() % sides; }
  int64_t ChannelsOf(uint32_t tensor) const {
    return program_.tensors[tensor].type.shape[1];
  }

  uint32_t AddTensor(const std::string& name, int64_t channels) {
    TensorType type{DataType::kF32, {1, channels, kRows, kColumns}, {}};
    type.strides = PlainStrides(type.shape);
    program_.buffers.push_back({static_cast<uint64_t>(type.span_bytes())});
    program_.tensors.push_back(
        {name, type, static_cast<uint32_t>(program_.buffers.size() - 1), 0});
    return static_cast<uint32_t>(program_.tensors.size() - 1);
  }

  uint32_t AddLayer(const std::string& name, Operator op,
                    std::vector<uint32_t> inputs, int64_t channels) {
    last_ = AddTensor(name, channels);
    program_.layers.push_back(
        {name, std::move(op), std::move(inputs), {last_}});
    return static_cast<uint32_t>(program_.layers.size() - 1);
  }

  // The layer before, and a tensor of the same shape from long ago.
  void AddSum(const std::string& name) {
    uint32_t other = last_;
    for (uint32_t t = 0; t < last_; ++t) {
      if (ChannelsOf(t) == ChannelsOf(last_)) {
        other = t;
        break;
      }
    }
    Binary sum;
    sum.activation.kind = ActivationKind::kTanh;
    const uint32_t layer =
        AddLayer(name, sum, {last_, other}, ChannelsOf(last_));
    Part& part = program_.parts.emplace_back();
    part.layer = layer;
    part.channels = part.rows = {0, 1};
  }

  static Convolution Conv(int64_t window) {
    const int64_t pad = window / 2;
    Convolution conv;
    conv.strides = conv.dilations = {1, 1};
    conv.pads_begin = conv.pads_end = {pad, pad};
    conv.has_bias = true;
    conv.activation.kind = ActivationKind::kTanh;
    return conv;
  }

  void AddConvolution(const std::string& name) {
    const int64_t piece = 1 + Dice(6);
    const int64_t pieces = 1 + Dice(5);
    const int64_t window = Dice(2) == 0 ? 1 : 3;
    const int64_t inputs = ChannelsOf(last_);
    const uint32_t layer =
        AddLayer(name, Conv(window), {last_}, piece * pieces);
    const size_t first_read = program_.reads.size();
    for (int64_t p = 0; p < pieces; ++p) {
      size_t read = program_.reads.size();
      if (p > 0 && Dice(3) == 0) {
        // The weights of an earlier piece, held until now.
        read = first_read + Dice(read - first_read);
      } else {
        program_.reads.push_back(AddExtent(piece, inputs, window));
      }
      AddParts(layer, {p * piece, piece}, static_cast<uint32_t>(read),
               Weights(piece, inputs, window));
    }
  }

  // A convolution that keeps its channels once more, with the same weights.
  void AddAgain(const std::string& name) {
    const int64_t channels = ChannelsOf(last_);
    const uint32_t extent = AddExtent(channels, channels, 1);
    AddWith(name, extent, channels, 1);
    AddWith(name + "between", AddExtent(channels, channels, 3), channels, 3);
    AddWith(name + "again", extent, channels, 1);
  }

  void AddWith(const std::string& name, uint32_t extent, int64_t channels,
               int64_t window) {
    const uint32_t layer = AddLayer(name, Conv(window), {last_}, channels);
    program_.reads.push_back(extent);
    AddParts(layer, {0, channels},
             static_cast<uint32_t>(program_.reads.size() - 1),
             Weights(channels, channels, window));
  }

  void AddParts(uint32_t layer, Range channels, uint32_t read,
                const std::vector<WeightPiece>& weights) {
    const int64_t cut = Dice(2) == 0 ? kRows : 1 + Dice(kRows - 1);
    for (int64_t row = 0; row < kRows; row += cut) {
      Part& part = program_.parts.emplace_back();
      part.layer = layer;
      part.channels = channels;
      part.rows = {row, std::min(cut, kRows - row)};
      part.read = read;
      part.weights = weights;
    }
  }

  static std::vector<WeightPiece> Weights(int64_t outputs, int64_t inputs,
                                          int64_t window) {
    const auto kernel =
        WeightLayout::Plain(DataType::kF32, {outputs, inputs, window, window});
    const uint64_t bias_offset = (kernel.bytes() + 255) / 256 * 256;
    return {{kernel, 0},
            {WeightLayout::Plain(DataType::kF32, {outputs}), bias_offset}};
  }

  uint32_t AddExtent(int64_t outputs, int64_t inputs, int64_t window) {
    const WeightPiece bias = Weights(outputs, inputs, window)[1];
    const uint64_t bytes = bias.offset_bytes + bias.layout.bytes();
    const uint64_t begin = program_.extents.empty()
                               ? 0
                               : program_.extents.back().offset_bytes +
                                     program_.extents.back().stored_bytes;
    program_.extents.push_back({begin, RoundUpToPage(bytes)});
    std::uniform_real_distribution<float> value(-0.5f, 0.5f);
    auto& weights = model_.extents.emplace_back(bytes);
    for (size_t at = 0; at < bytes; at += sizeof(float)) {
      const float weight = value(random_);
      std::memcpy(&weights[at], &weight, sizeof(float));
    }
    return static_cast<uint32_t>(program_.extents.size() - 1);
  }

  std::mt19937 random_;
  RandomModel& model_;
  Program& program_;
  uint32_t last_ = 0;
};

uint64_t Behind(const WeightPiece& piece) {
  return (piece.offset_bytes + piece.layout.bytes() + 255) / 256 * 256;
}

// Kernel, bias, scales.
std::vector<WeightPiece> NarrowWeights(const std::vector<WeightPiece>& wide,
                                       DataType dtype) {
  std::vector<WeightPiece> narrow = wide;
  narrow[0].layout.dtype = dtype;
  narrow[1].offset_bytes = Behind(narrow[0]);
  narrow.push_back({narrow[1].layout, Behind(narrow[1])});
  return narrow;
}

// What a kernel of plain F32 and its bias become. One scale does for all.
std::vector<std::byte> NarrowExtent(const std::vector<std::byte>& wide,
                                    const std::vector<WeightPiece>& narrow) {
  constexpr float kScale = 0.5f / 127;
  const WeightPiece& scales = narrow[2];
  const DataType dtype = narrow[0].layout.dtype;
  std::vector<std::byte> extent(scales.offset_bytes + scales.layout.bytes());
  const size_t elements = narrow[0].layout.bytes() / SizeOf(dtype);
  for (size_t i = 0; i < elements; ++i) {
    float value;
    std::memcpy(&value, &wide[4 * i], 4);
    value /= kScale;
    const uint16_t bits = dtype == DataType::kF16 ? HalfFromFloat(value)
                          : dtype == DataType::kBF16
                              ? BFloat16FromFloat(value)
                              : static_cast<uint16_t>(std::lrint(value));
    std::memcpy(&extent[i * SizeOf(dtype)], &bits, SizeOf(dtype));
  }
  const size_t bias_bytes = narrow[1].layout.bytes();
  std::memcpy(&extent[narrow[1].offset_bytes], &wide[wide.size() - bias_bytes],
              bias_bytes);
  for (size_t at = 0; at < scales.layout.bytes(); at += 4) {
    std::memcpy(&extent[scales.offset_bytes + at], &kScale, 4);
  }
  return extent;
}

void NarrowToHalf(std::span<const std::byte> from, std::byte* to) {
  for (size_t at = 0; at < from.size(); at += sizeof(float)) {
    float value;
    std::memcpy(&value, &from[at], sizeof(value));
    const uint16_t half = HalfFromFloat(value);
    std::memcpy(to + at / 2, &half, sizeof(half));
  }
}

// Pieces side by side: a kernel of F32 and the bias become halves.
std::vector<WeightPiece> HalfWeights(const std::vector<WeightPiece>& from) {
  std::vector<WeightPiece> half = from;
  if (half[0].layout.dtype == DataType::kF32) {
    half[0].layout.dtype = DataType::kF16;
  }
  half[1].layout.dtype = DataType::kF16;
  for (size_t i = 1; i < half.size(); ++i) {
    half[i].offset_bytes = Behind(half[i - 1]);
  }
  return half;
}

std::vector<std::byte> HalfExtent(const std::vector<std::byte>& from,
                                  const std::vector<WeightPiece>& old,
                                  const std::vector<WeightPiece>& half) {
  std::vector<std::byte> extent(half.back().offset_bytes +
                                half.back().layout.bytes());
  for (size_t i = 0; i < half.size(); ++i) {
    const std::span<const std::byte> piece(&from[old[i].offset_bytes],
                                           old[i].layout.bytes());
    std::byte* const to = &extent[half[i].offset_bytes];
    if (half[i].layout.dtype != old[i].layout.dtype) {
      NarrowToHalf(piece, to);
    } else {
      std::copy(piece.begin(), piece.end(), to);
    }
  }
  return extent;
}

// A tensor like `of`, of F32; the number of the new one.
uint32_t AddTwin(uint32_t of, Program* program) {
  Tensor twin = program->tensors[of];
  twin.type.dtype = DataType::kF32;
  program->buffers.push_back({static_cast<uint64_t>(twin.type.span_bytes())});
  twin.buffer = static_cast<uint32_t>(program->buffers.size() - 1);
  program->tensors.push_back(std::move(twin));
  return static_cast<uint32_t>(program->tensors.size() - 1);
}

Part PartOf(uint32_t layer) {
  Part part;
  part.layer = layer;
  part.channels = part.rows = {0, 1};
  return part;
}

// What goes in and comes out stays F32; casts are between.
void CastAtTheEdges(Program* program) {
  for (Part& part : program->parts) ++part.layer;
  const uint32_t x =
      std::exchange(program->inputs[0], AddTwin(program->inputs[0], program));
  program->layers.insert(program->layers.begin(),
                         {"in", Copy{}, {program->inputs[0]}, {x}});
  program->parts.insert(program->parts.begin(), PartOf(0));
  for (uint32_t& output : program->outputs) {
    const uint32_t y = std::exchange(output, AddTwin(output, program));
    program->layers.push_back({"out", Copy{}, {y}, {output}});
    program->parts.push_back(
        PartOf(static_cast<uint32_t>(program->layers.size() - 1)));
  }
}

}  // namespace

RandomModel::RandomModel(uint32_t seed, size_t layers) {
  Builder(seed, this).Build(layers);
}

void RandomModel::Rewrite(const Rewriting& pieces, const Writing& bytes) {
  std::vector<std::vector<WeightPiece>> old(extents.size());
  std::vector<std::vector<WeightPiece>> rewritten(extents.size());
  for (Part& part : program.parts) {
    if (!part.read) continue;
    const uint32_t e = program.reads[*part.read];
    old[e] = std::exchange(part.weights, pieces(part.weights));
    rewritten[e] = part.weights;
  }
  uint64_t end = 0;
  for (size_t e = 0; e < extents.size(); ++e) {
    extents[e] = bytes(extents[e], old[e], rewritten[e]);
    program.extents[e] = {end, RoundUpToPage(extents[e].size())};
    end += program.extents[e].stored_bytes;
  }
}

void RandomModel::StoreAs(DataType dtype) {
  Rewrite([&](const auto& wide) { return NarrowWeights(wide, dtype); },
          [](const auto& wide, const auto&, const auto& narrow) {
            return NarrowExtent(wide, narrow);
          });
}

void RandomModel::ComputeInHalf() {
  Rewrite(HalfWeights, HalfExtent);
  for (Tensor& tensor : program.tensors) {
    tensor.type.dtype = DataType::kF16;
    program.buffers[tensor.buffer].bytes =
        static_cast<uint64_t>(tensor.type.span_bytes());
  }
  CastAtTheEdges(&program);
}

void RandomModel::Write(const std::string& path, const KernelKey& key) const {
  manifest::Manifest manifest;
  program.WriteTo(&manifest);
  manifest.mutable_kernel_key()->set_backend(key.backend);
  manifest.mutable_kernel_key()->set_isa(key.isa);
  manifest.mutable_kernel_key()->set_dtype(key.dtype);
  manifest.mutable_kernel_key()->set_library(key.library);
  uint64_t weight_bytes = 0;
  for (const auto& extent : extents) weight_bytes += extent.size();
  manifest.mutable_identity()->set_weight_bytes(weight_bytes);
  auto writer = LayerFileWriter::Create(path, manifest, kTileBytes);
  LAYERD_CHECK(writer.ok(), writer.status().ToString());
  for (const auto& extent : extents) {
    const absl::Status appended = (*writer)->AppendExtent(extent);
    LAYERD_CHECK(appended.ok(), appended.ToString());
  }
  LAYERD_CHECK((*writer)->Commit().ok());
}

RandomModel StretchedLine(int64_t elements) {
  constexpr int64_t kFrom = 4;
  Resize op;
  op.mode = Resize::Mode::kNearest;
  op.coordinate = Resize::Coordinate::kAsymmetric;
  op.scales = {static_cast<float>(elements) / kFrom};
  RandomModel model(0);
  model.extents.clear();
  model.program = {};
  Program& program = model.program;
  for (const int64_t size : {kFrom, elements}) {
    const auto t = static_cast<uint32_t>(program.tensors.size());
    program.buffers.push_back({static_cast<uint64_t>(size) * sizeof(float)});
    program.tensors.push_back(
        {t == 0 ? "x" : "y", {DataType::kF32, {size}, {1}}, t, 0});
  }
  program.inputs = {0};
  program.outputs = {1};
  program.layers = {{"stretch", op, {0}, {1}}};
  Part part;
  part.channels = part.rows = {0, 1};
  program.parts = {part};
  return model;
}

}  // namespace layerd
