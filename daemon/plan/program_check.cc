#include "daemon/plan/program_check.h"

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/plan/byte_ranges.h"
#include "daemon/plan/layer_rows.h"
#include "kernels/part_check.h"
#include "kernels/type_check.h"

namespace layerd {
namespace {

// Steps that all inputs together are looked up in. Networks have a few for each
// layer.
constexpr uint64_t kLookStepsMax = 1 << 24;
// That indices and the rows they name take in one buffer, of all gathers.
constexpr uint64_t kTurnsSeenMax = 1 << 20;

template <typename... Args>
absl::Status Unsound(const absl::FormatSpec<Args...>& format,
                     const Args&... args) {
  return absl::InvalidArgumentError(absl::StrFormat(format, args...));
}

absl::Status InFront(const std::string& place, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      absl::StrCat(place, ": ", status.message()));
}

// Whether a layer reads rows of its weight by number, and nothing else of it.
bool MayLookUp(const Layer& layer) {
  const auto* gather = std::get_if<Gather>(&layer.op);
  return gather != nullptr && gather->axis == 0;
}

// One pass over a program; each method is a clause of Program's promise.
class Checker {
 public:
  explicit Checker(const Program& program)
      : program_(program), written_(program.buffers.size()) {}

  absl::Status Run() {
    RETURN_IF_ERROR(CheckTensors());
    RETURN_IF_ERROR(CheckEnds("input", program_.inputs));
    RETURN_IF_ERROR(CheckEnds("output", program_.outputs));
    RETURN_IF_ERROR(CheckLayers());
    RETURN_IF_ERROR(CheckExtents());
    for (const uint32_t input : program_.inputs) MarkWritten(input);
    RETURN_IF_ERROR(CheckParts());
    for (const uint32_t output : program_.outputs) {
      RETURN_IF_ERROR(InFront("after the last part", CheckWritten(output)));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status CheckTensors() const;
  absl::Status CheckTypeOf(const Tensor& tensor) const;
  absl::Status CheckEnds(const char* noun,
                         const std::vector<uint32_t>& tensors) const;
  absl::Status CheckLayers() const;
  absl::Status CheckTensorsOf(const Layer& layer) const;
  struct Uses {  // Of each extent.
    std::vector<bool> read, table;
  };
  absl::StatusOr<Uses> CheckUses() const;
  absl::Status CheckExtents() const;
  absl::Status CheckParts();
  // That it is sound, and what comes next.
  absl::Status CheckWhat(const Part& part);
  absl::Status CheckPlace(const Part& part);
  absl::Status CheckRead(const Part& part);
  absl::Status CheckTable(const Part& part) const;
  absl::Status CheckWeights(const Part& part) const;
  absl::Status CheckInputs(const Part& part);
  absl::Status CheckGather(const Part& part);
  absl::Status CheckWritten(uint32_t tensor);
  void MarkWritten(uint32_t tensor);
  std::string PlaceOf(size_t part) const;

  const Program& program_;
  std::vector<WrittenBytes> written_;  // Of each buffer.
  // How far the parts seen so far cover the layers.
  size_t layer_ = 0;
  int64_t channels_done_ = 0;
  int64_t rows_done_ = 0;
  Range channels_;  // That rows_done_ belongs to.
  size_t reads_used_ = 0;
  uint64_t look_steps_ = 0;  // In written_, for all tensors so far.
  uint64_t turns_seen_ = 0;  // Of indices and rows.
};

absl::Status Checker::CheckTensors() const {
  if (program_.buffers.size() > kBuffersMax) {
    return Unsound("%d buffers, at most %d are allowed",
                   program_.buffers.size(), kBuffersMax);
  }
  for (size_t b = 0; b < program_.buffers.size(); ++b) {
    if (program_.buffers[b].bytes > kBufferBytesMax) {
      return Unsound("buffer %d: %d bytes, at most %d are allowed", b,
                     program_.buffers[b].bytes, kBufferBytesMax);
    }
  }
  for (size_t t = 0; t < program_.tensors.size(); ++t) {
    const Tensor& tensor = program_.tensors[t];
    const std::string place =
        absl::StrFormat("tensor %d \"%s\"", t, tensor.name);
    RETURN_IF_ERROR(InFront(place, CheckTypeOf(tensor)));
    if (tensor.buffer >= program_.buffers.size()) {
      return Unsound("%s: buffer %d of %d", place, tensor.buffer,
                     program_.buffers.size());
    }
    if (tensor.offset_bytes % SizeOf(tensor.type.dtype) != 0) {
      return Unsound("%s: offset %d is not a multiple of its %d-byte elements",
                     place, tensor.offset_bytes, SizeOf(tensor.type.dtype));
    }
    const uint64_t bytes = program_.buffers[tensor.buffer].bytes;
    const uint64_t span = tensor.type.span_bytes();
    if (tensor.offset_bytes > bytes || span > bytes - tensor.offset_bytes) {
      return Unsound("%s: [%d, +%d) ends past its buffer of %d bytes", place,
                     tensor.offset_bytes, span, bytes);
    }
  }
  return absl::OkStatus();
}

// What no layer touches may be without elements: an input, an output.
absl::Status Checker::CheckTypeOf(const Tensor& tensor) const {
  TensorType type = tensor.type;
  if (type.strides.size() != type.shape.size() || type.element_count() != 0) {
    return CheckTensorType(type);
  }
  std::replace(type.shape.begin(), type.shape.end(), int64_t{0}, int64_t{1});
  type.strides.assign(type.shape.size(), 1);
  return CheckTensorType(type);
}

absl::Status Checker::CheckEnds(const char* noun,
                                const std::vector<uint32_t>& tensors) const {
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i] >= program_.tensors.size()) {
      return Unsound("%s %d: tensor %d of %d", noun, i, tensors[i],
                     program_.tensors.size());
    }
    if (!program_.tensors[tensors[i]].type.is_plain()) {
      return Unsound("%s %d \"%s\" is not row-major", noun, i,
                     program_.tensors[tensors[i]].name);
    }
  }
  return absl::OkStatus();
}

absl::Status Checker::CheckLayers() const {
  for (size_t l = 0; l < program_.layers.size(); ++l) {
    const Layer& layer = program_.layers[l];
    RETURN_IF_ERROR(InFront(absl::StrFormat("layer %d \"%s\"", l, layer.name),
                            CheckTensorsOf(layer)));
  }
  return absl::OkStatus();
}

absl::Status Checker::CheckTensorsOf(const Layer& layer) const {
  if (layer.outputs.empty()) return Unsound("no output");
  if (std::max(layer.inputs.size(), layer.outputs.size()) > kLayerTensorsMax) {
    return Unsound("%d inputs and %d outputs, at most %d are allowed",
                   layer.inputs.size(), layer.outputs.size(), kLayerTensorsMax);
  }
  for (const auto* tensors : {&layer.inputs, &layer.outputs}) {
    for (const uint32_t t : *tensors) {
      if (t >= program_.tensors.size()) {
        return Unsound("tensor %d of %d", t, program_.tensors.size());
      }
      RETURN_IF_ERROR(CheckTensorType(program_.tensors[t].type));
    }
  }
  for (const uint32_t t : layer.outputs) {
    RETURN_IF_ERROR(CheckOutputType(program_.tensors[t].type));
  }
  return absl::OkStatus();
}

// Which extents are read, and which are tables: none is both.
absl::StatusOr<Checker::Uses> Checker::CheckUses() const {
  Uses uses{std::vector<bool>(program_.extents.size()),
            std::vector<bool>(program_.extents.size())};
  for (const Part& part : program_.parts) {
    if (!part.table) continue;
    if (*part.table >= uses.table.size()) {
      return Unsound("table: extent %d of %d", *part.table, uses.table.size());
    }
    uses.table[*part.table] = true;
  }
  for (size_t r = 0; r < program_.reads.size(); ++r) {
    const uint32_t extent = program_.reads[r];
    if (extent >= uses.read.size()) {
      return Unsound("read %d: extent %d of %d", r, extent, uses.read.size());
    }
    if (uses.table[extent]) {
      return Unsound("read %d: extent %d is a table", r, extent);
    }
    uses.read[extent] = true;
  }
  return uses;
}

absl::Status Checker::CheckExtents() const {
  ASSIGN_OR_RETURN(const Uses uses, CheckUses());
  uint64_t end = 0;
  for (size_t e = 0; e < program_.extents.size(); ++e) {
    const Extent& extent = program_.extents[e];
    if (extent.offset_bytes != end) {
      return Unsound("extent %d: offset %d, but the one before ends at %d", e,
                     extent.offset_bytes, end);
    }
    if (extent.stored_bytes == 0 || extent.stored_bytes % kPageBytes != 0 ||
        extent.stored_bytes > kStreamBytesMax - end) {
      return Unsound("extent %d: %d bytes", e, extent.stored_bytes);
    }
    if (uses.table[e] && extent.tile_bytes == 0) {
      return Unsound("extent %d: a table without tiles of its own", e);
    }
    if (!uses.read[e] && !uses.table[e]) {
      return Unsound("extent %d is never read", e);
    }
    end += extent.stored_bytes;
  }
  return absl::OkStatus();
}

absl::Status Checker::CheckParts() {
  for (size_t p = 0; p < program_.parts.size(); ++p) {
    const Part& part = program_.parts[p];
    if (part.layer >= program_.layers.size()) {
      return Unsound("part %d: layer %d of %d", p, part.layer,
                     program_.layers.size());
    }
    const bool is_first = p == 0 || program_.parts[p - 1].layer != part.layer;
    absl::Status sound = CheckWhat(part);
    if (sound.ok() && is_first) sound = CheckInputs(part);
    if (sound.ok() && is_first) sound = CheckGather(part);
    // A million places are not put in words for nothing.
    if (!sound.ok()) return InFront(PlaceOf(p), sound);
    if (layer_ == part.layer) continue;  // More parts of it to come.
    for (const uint32_t t : program_.layers[part.layer].outputs) {
      MarkWritten(t);
    }
  }
  if (layer_ != program_.layers.size()) {
    return Unsound("layer %d \"%s\": no part computes channel %d, row %d",
                   layer_, program_.layers[layer_].name, channels_done_,
                   rows_done_);
  }
  if (reads_used_ != program_.reads.size()) {
    return Unsound("read %d: no part uses it", reads_used_);
  }
  return absl::OkStatus();
}

absl::Status Checker::CheckWhat(const Part& part) {
  const PartSpec whole = program_.LayerSpecOf(part);
  const bool is_slice = IsRowSlice(whole);
  // How many rows there are is asked of sound layers only.
  if (is_slice) RETURN_IF_ERROR(CheckPart(whole));
  RETURN_IF_ERROR(CheckPlace(part));
  RETURN_IF_ERROR(CheckRead(part));
  RETURN_IF_ERROR(CheckWeights(part));
  return CheckPart(is_slice ? program_.SpecOf(part) : whole);
}

// The parts of a layer tile its output: channel ranges in order, and within
// one its rows in order.
absl::Status Checker::CheckPlace(const Part& part) {
  if (part.layer != layer_) {
    return Unsound("out of order: channel %d, row %d of layer %d is next",
                   channels_done_, rows_done_, layer_);
  }
  const Layer& layer = program_.layers[layer_];
  const TensorType& output = program_.tensors[layer.outputs[0]].type;
  const int64_t channels = AllChannels(layer.op, output).count;
  const PartSpec whole = program_.LayerSpecOf(part);
  const int64_t rows =
      IsRowSlice(whole) ? RowsOfLayer(whole) : AllRows(layer.op, output).count;
  if (rows_done_ == 0) channels_ = part.channels;
  if (part.channels != channels_ || part.channels.first != channels_done_ ||
      part.channels.count < 1 ||
      part.channels.count > channels - channels_done_) {
    return Unsound("channels [%d, +%d): channel %d of %d is next",
                   part.channels.first, part.channels.count, channels_done_,
                   channels);
  }
  if (part.rows.first != rows_done_ || part.rows.count < 1 ||
      part.rows.count > rows - rows_done_) {
    return Unsound("rows [%d, +%d): row %d of %d is next", part.rows.first,
                   part.rows.count, rows_done_, rows);
  }
  rows_done_ += part.rows.count;
  if (rows_done_ < rows) return absl::OkStatus();
  rows_done_ = 0;
  channels_done_ += part.channels.count;
  if (channels_done_ < channels) return absl::OkStatus();
  channels_done_ = 0;
  ++layer_;
  return absl::OkStatus();
}

absl::Status Checker::CheckRead(const Part& part) {
  if (part.table) RETURN_IF_ERROR(CheckTable(part));
  if ((part.read || part.table) == part.weights.empty() ||
      (part.read && part.table)) {
    return Unsound("%d weights, but %s", part.weights.size(),
                   part.read ? "it waits for a read" : "no read");
  }
  if (!part.read) return absl::OkStatus();
  if (*part.read > reads_used_ || *part.read >= program_.reads.size()) {
    return Unsound("read %d of %d: read %d was not used yet", *part.read,
                   program_.reads.size(), reads_used_);
  }
  if (*part.read == reads_used_) ++reads_used_;
  return absl::OkStatus();
}

// Rows are gathered by number, whole and without strides.
absl::Status Checker::CheckTable(const Part& part) const {
  const Layer& layer = program_.layers[part.layer];
  if (!MayLookUp(layer) || layer.inputs.size() != 1 ||
      part.weights.size() != 1 || part.rows != Range{0, 1}) {
    return Unsound("a table, but nothing that looks up in it");
  }
  const WeightLayout& layout = part.weights[0].layout;
  if (layout != WeightLayout::Plain(layout.dtype, layout.shape) ||
      !program_.tensors[layer.outputs[0]].type.is_plain()) {
    return Unsound("table and output must be row-major");
  }
  const DataType dtype = program_.tensors[layer.inputs[0]].type.dtype;
  if (dtype != DataType::kI32 && dtype != DataType::kI64) {
    return Unsound("rows are named by INT32 or INT64, not %s", NameOf(dtype));
  }
  return absl::OkStatus();
}

absl::Status Checker::CheckWeights(const Part& part) const {
  if (part.weights.size() > kPartWeightsMax) {
    return Unsound("%d weights: at most %d are allowed", part.weights.size(),
                   kPartWeightsMax);
  }
  for (size_t w = 0; w < part.weights.size(); ++w) {
    const WeightPiece& piece = part.weights[w];
    const std::string place = absl::StrFormat("weight %d", w);
    RETURN_IF_ERROR(InFront(place, CheckWeightLayout(piece.layout)));
    const uint64_t bytes = piece.layout.bytes();
    const uint64_t stored =
        program_.extents[program_.ExtentOf(part)].stored_bytes;
    if (piece.offset_bytes % 256 != 0) {
      return Unsound("%s: offset %d is not a multiple of 256", place,
                     piece.offset_bytes);
    }
    if (piece.offset_bytes > stored || bytes > stored - piece.offset_bytes) {
      return Unsound("%s: [%d, +%d) ends past its extent of %d bytes", place,
                     piece.offset_bytes, bytes, stored);
    }
  }
  return absl::OkStatus();
}

absl::Status Checker::CheckInputs(const Part& part) {
  for (const uint32_t t : program_.layers[part.layer].inputs) {
    RETURN_IF_ERROR(CheckWritten(t));
  }
  return absl::OkStatus();
}

// Whoever gathers looks whether numbers name rows, and then gathers: what is
// written between must be no number.
absl::Status Checker::CheckGather(const Part& part) {
  const Layer& layer = program_.layers[part.layer];
  if (!std::holds_alternative<Gather>(layer.op)) return absl::OkStatus();
  const Tensor& indices = program_.tensors[layer.inputs.back()];
  const Tensor& output = program_.tensors[layer.outputs[0]];
  if (indices.buffer != output.buffer ||
      !Overlap({indices.offset_bytes, indices.type},
               {output.offset_bytes, output.type}, kTurnsSeenMax,
               &turns_seen_)) {
    return absl::OkStatus();
  }
  return Unsound("tensor %d \"%s\" is written over the numbers of its rows",
                 layer.outputs[0], output.name);
}

absl::Status Checker::CheckWritten(uint32_t t) {
  const Tensor& tensor = program_.tensors[t];
  const bool is_written = written_[tensor.buffer].Cover(
      {tensor.offset_bytes, tensor.type}, kLookStepsMax, &look_steps_);
  if (look_steps_ > kLookStepsMax) {
    return Unsound(
        "tensor %d \"%s\": with it, it takes more than %d steps to see that "
        "layers wrote what others read",
        t, tensor.name, kLookStepsMax);
  }
  if (is_written) return absl::OkStatus();
  return Unsound("tensor %d \"%s\" is read before it is written", t,
                 tensor.name);
}

void Checker::MarkWritten(uint32_t t) {
  const Tensor& tensor = program_.tensors[t];
  written_[tensor.buffer].Add({tensor.offset_bytes, tensor.type});
}

std::string Checker::PlaceOf(size_t p) const {
  const Part& part = program_.parts[p];
  return absl::StrFormat("part %d of layer %d \"%s\"", p, part.layer,
                         program_.layers[part.layer].name);
}

}  // namespace

Range AllChannels(const Operator& op, const TensorType& output) {
  const std::vector<int64_t>& shape = output.shape;
  const bool is_convolution = std::holds_alternative<Convolution>(op) ||
                              std::holds_alternative<ConvTranspose>(op);
  if (is_convolution && shape.size() > 1) {
    return {0, shape[1]};
  }
  if (std::holds_alternative<FullyConnected>(op) && !shape.empty()) {
    return {0, shape.back()};
  }
  return {0, 1};
}

Range AllRows(const Operator& op, const TensorType& output) {
  const std::vector<int64_t>& shape = output.shape;
  if (std::holds_alternative<Convolution>(op) && shape.size() > 2) {
    return {0, shape[2]};
  }
  if (std::holds_alternative<FullyConnected>(op) && !shape.empty()) {
    return {0, output.element_count() / shape.back()};
  }
  if (std::holds_alternative<Recurrent>(op) && !shape.empty()) {
    return {0, shape[0]};
  }
  return {0, 1};
}

absl::Status CheckProgram(const Program& program) {
  return Checker(program).Run();
}

}  // namespace layerd
