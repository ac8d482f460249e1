#include "daemon/plan/program.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/plan/layer_rows.h"
#include "daemon/plan/operator_codec.h"
#include "daemon/plan/program_check.h"

namespace layerd {
namespace {

template <typename Numbers>
auto VectorOf(const Numbers& numbers) {
  return std::vector<typename Numbers::value_type>(numbers.begin(),
                                                   numbers.end());
}

absl::Status CheckCounts(const manifest::Manifest& manifest) {
  const std::pair<const char*, int> counts[] = {
      {"buffers", manifest.buffers_size()},
      {"tensors", manifest.tensors_size()},
      {"inputs", manifest.inputs_size()},
      {"outputs", manifest.outputs_size()},
      {"layers", manifest.layers_size()},
      {"extents", manifest.extents_size()},
      {"parts", manifest.parts_size()},
      {"reads", manifest.reads_size()}};
  for (const auto& [noun, count] : counts) {
    if (static_cast<size_t>(count) <= kProgramItemsMax) continue;
    return absl::InvalidArgumentError(absl::StrFormat(
        "%d %s: at most %d are allowed", count, noun, kProgramItemsMax));
  }
  return absl::OkStatus();
}

Tensor From(const manifest::Tensor& proto) {
  return {proto.name(),
          {static_cast<DataType>(proto.dtype() <= 0xff ? proto.dtype() : 0),
           VectorOf(proto.shape()), VectorOf(proto.strides())},
          proto.buffer(),
          proto.offset_bytes()};
}

absl::StatusOr<Layer> From(const manifest::Layer& proto) {
  ASSIGN_OR_RETURN(Operator op, OperatorFrom(proto));
  return Layer{proto.name(), std::move(op), VectorOf(proto.inputs()),
               VectorOf(proto.outputs())};
}

absl::StatusOr<WeightLayout> From(const manifest::WeightLayout& proto) {
  if (proto.block_dimensions_size() != proto.block_sizes_size()) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "layout: %d dimensions of blocks and %d sizes",
        proto.block_dimensions_size(), proto.block_sizes_size()));
  }
  WeightLayout layout;
  layout.dtype =
      static_cast<DataType>(proto.dtype() <= 0xff ? proto.dtype() : 0);
  layout.shape = VectorOf(proto.shape());
  layout.padded_shape = VectorOf(proto.padded_shape());
  layout.strides = VectorOf(proto.strides());
  for (int b = 0; b < proto.block_sizes_size(); ++b) {
    layout.blocks.push_back({proto.block_dimensions(b), proto.block_sizes(b)});
  }
  layout.transform = static_cast<WeightLayout::Transform>(
      proto.transform() <= 0xff ? proto.transform() : 0xff);
  return layout;
}

absl::StatusOr<Part> From(const manifest::Part& proto) {
  Part part;
  part.layer = proto.layer();
  part.channels = {proto.channel_first(), proto.channel_count()};
  part.rows = {proto.row_first(), proto.row_count()};
  if (proto.has_read()) part.read = proto.read();
  if (proto.has_table()) part.table = proto.table();
  part.work_flops = proto.work_flops();
  for (const manifest::WeightPiece& piece : proto.weights()) {
    ASSIGN_OR_RETURN(WeightLayout layout, From(piece.layout()));
    part.weights.push_back({std::move(layout), piece.offset_bytes()});
  }
  return part;
}

absl::Status Locate(const char* noun, size_t index,
                    const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrCat(noun, " ", index, ": ", status.message()));
}

void Write(const Tensor& tensor, manifest::Tensor* proto) {
  proto->set_name(tensor.name);
  proto->set_dtype(static_cast<uint32_t>(tensor.type.dtype));
  proto->mutable_shape()->Assign(tensor.type.shape.begin(),
                                 tensor.type.shape.end());
  proto->mutable_strides()->Assign(tensor.type.strides.begin(),
                                   tensor.type.strides.end());
  proto->set_buffer(tensor.buffer);
  proto->set_offset_bytes(tensor.offset_bytes);
}

void Write(const Layer& layer, manifest::Layer* proto) {
  proto->set_name(layer.name);
  proto->mutable_inputs()->Assign(layer.inputs.begin(), layer.inputs.end());
  proto->mutable_outputs()->Assign(layer.outputs.begin(), layer.outputs.end());
  WriteOperator(layer.op, proto);
}

void Write(const WeightLayout& layout, manifest::WeightLayout* proto) {
  proto->set_dtype(static_cast<uint32_t>(layout.dtype));
  proto->mutable_shape()->Assign(layout.shape.begin(), layout.shape.end());
  proto->mutable_padded_shape()->Assign(layout.padded_shape.begin(),
                                        layout.padded_shape.end());
  proto->mutable_strides()->Assign(layout.strides.begin(),
                                   layout.strides.end());
  for (const WeightLayout::Block& block : layout.blocks) {
    proto->add_block_dimensions(block.dimension);
    proto->add_block_sizes(block.size);
  }
  proto->set_transform(static_cast<uint32_t>(layout.transform));
}

void Write(const Part& part, manifest::Part* proto) {
  proto->set_layer(part.layer);
  proto->set_channel_first(part.channels.first);
  proto->set_channel_count(part.channels.count);
  proto->set_row_first(part.rows.first);
  proto->set_row_count(part.rows.count);
  if (part.read) proto->set_read(*part.read);
  if (part.table) proto->set_table(*part.table);
  for (const WeightPiece& piece : part.weights) {
    manifest::WeightPiece* piece_proto = proto->add_weights();
    Write(piece.layout, piece_proto->mutable_layout());
    piece_proto->set_offset_bytes(piece.offset_bytes);
  }
  proto->set_work_flops(part.work_flops);
}

}  // namespace

absl::StatusOr<Program> Program::Parse(const manifest::Manifest& manifest) {
  RETURN_IF_ERROR(CheckCounts(manifest));
  Program program;
  for (const auto& buffer : manifest.buffers()) {
    program.buffers.push_back({buffer.bytes()});
  }
  for (const auto& tensor : manifest.tensors()) {
    program.tensors.push_back(From(tensor));
  }
  program.inputs = VectorOf(manifest.inputs());
  program.outputs = VectorOf(manifest.outputs());
  for (const auto& proto : manifest.layers()) {
    absl::StatusOr<Layer> layer = From(proto);
    if (!layer.ok()) {
      return Locate("layer", program.layers.size(), layer.status());
    }
    program.layers.push_back(*std::move(layer));
  }
  for (const auto& extent : manifest.extents()) {
    program.extents.push_back(
        {extent.offset_bytes(), extent.stored_bytes(), extent.tile_bytes()});
  }
  for (const auto& proto : manifest.parts()) {
    absl::StatusOr<Part> part = From(proto);
    if (!part.ok()) return Locate("part", program.parts.size(), part.status());
    program.parts.push_back(*std::move(part));
  }
  program.reads = VectorOf(manifest.reads());
  RETURN_IF_ERROR(CheckProgram(program));
  return program;
}

void Program::WriteTo(manifest::Manifest* manifest) const {
  for (const Buffer& buffer : buffers) {
    manifest->add_buffers()->set_bytes(buffer.bytes);
  }
  for (const Tensor& tensor : tensors) Write(tensor, manifest->add_tensors());
  manifest->mutable_inputs()->Assign(inputs.begin(), inputs.end());
  manifest->mutable_outputs()->Assign(outputs.begin(), outputs.end());
  for (const Layer& layer : layers) Write(layer, manifest->add_layers());
  for (const Extent& extent : extents) {
    manifest::Extent* proto = manifest->add_extents();
    proto->set_offset_bytes(extent.offset_bytes);
    proto->set_stored_bytes(extent.stored_bytes);
    proto->set_tile_bytes(extent.tile_bytes);
  }
  for (const Part& part : parts) Write(part, manifest->add_parts());
  manifest->mutable_reads()->Assign(reads.begin(), reads.end());
}

PartSpec Program::LayerSpecOf(const Part& part) const {
  const Layer& layer = layers[part.layer];
  PartSpec spec;
  spec.op = layer.op;
  uint64_t offsets = kBufferAlignment;
  for (const uint32_t t : layer.inputs) {
    spec.inputs.push_back(tensors[t].type);
    offsets |= tensors[t].offset_bytes;
  }
  for (const uint32_t t : layer.outputs) {
    spec.outputs.push_back(tensors[t].type);
    offsets |= tensors[t].offset_bytes;
  }
  spec.alignment_bytes = static_cast<uint32_t>(offsets & -offsets);
  spec.weights = part.weights;
  spec.channels = part.channels;
  spec.rows = part.rows;
  return spec;
}

PartSpec Program::SpecOf(const Part& part) const {
  PartSpec spec = LayerSpecOf(part);
  if (!IsRowSlice(spec)) return spec;
  return SliceRows(spec, part.rows).spec;
}

Program::Places Program::PlacesOf(const Part& part) const {
  const Layer& layer = layers[part.layer];
  Places places;
  for (const uint32_t t : layer.inputs) {
    places.inputs.push_back({tensors[t].buffer, tensors[t].offset_bytes});
  }
  for (const uint32_t t : layer.outputs) {
    places.outputs.push_back({tensors[t].buffer, tensors[t].offset_bytes});
  }
  const PartSpec spec = LayerSpecOf(part);
  if (!IsRowSlice(spec)) return places;
  const RowSlice slice = SliceRows(spec, part.rows);
  for (size_t i = 0; i < places.inputs.size(); ++i) {
    places.inputs[i].offset_bytes += slice.input_offsets_bytes[i];
  }
  for (size_t i = 0; i < places.outputs.size(); ++i) {
    places.outputs[i].offset_bytes += slice.output_offsets_bytes[i];
  }
  return places;
}

std::vector<bool> Program::Tables() const {
  std::vector<bool> tables(extents.size());
  for (const Part& part : parts) {
    if (part.table) tables[*part.table] = true;
  }
  return tables;
}

}  // namespace layerd
