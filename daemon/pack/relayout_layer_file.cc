#include "daemon/pack/relayout_layer_file.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/pack/extent_parts.h"
#include "daemon/plan/program.h"
#include "daemon/plan/program_check.h"
#include "kernels/part_check.h"
#include "kernels/type_check.h"
#include "kernels/weight_layout.h"
#include "kernels/winograd.h"
#include "loader/store/layer_file_reader.h"
#include "loader/store/layer_file_writer.h"
#include "loader/store/page_buffer.h"

namespace layerd {
namespace {

constexpr uint64_t kTablePieceBytes = 1 << 20;
static_assert(kTablePieceBytes % kTileBytesMax == 0);

bool IsWinograd(const WeightLayout& layout) {
  return layout.transform == WeightLayout::Transform::kWinograd;
}

// As packing asks: plainly. A transform cannot be undone, so it is shown as it
// is stored, which asks whether it is possible and not whether it pays off.
PartSpec QuestionFor(const Program& program, const Part& part) {
  Part whole = part;
  const Layer& layer = program.layers[part.layer];
  whole.rows = AllRows(layer.op, program.tensors[layer.outputs[0]].type);
  for (WeightPiece& piece : whole.weights) {
    if (IsWinograd(piece.layout)) continue;
    piece.layout = WeightLayout::Plain(piece.layout.dtype, piece.layout.shape);
  }
  return program.SpecOf(whole);
}

absl::StatusOr<std::vector<WeightPiece>> PiecesFor(const Program& program,
                                                   const Part& part,
                                                   const Backend& backend) {
  const auto in_layer = [&](const absl::Status& status) {
    return absl::Status(
        status.code(),
        absl::StrFormat("layer \"%s\": %s", program.layers[part.layer].name,
                        std::string(status.message())));
  };
  RETURN_IF_ERROR(in_layer(CheckComputesF32(program.SpecOf(part))));
  const auto layouts = backend.WeightLayouts(QuestionFor(program, part));
  if (!layouts.ok()) return in_layer(layouts.status());
  std::vector<WeightPiece> pieces;
  uint64_t end = 0;
  for (size_t w = 0; w < layouts->size(); ++w) {
    const WeightLayout& layout = (*layouts)[w];
    if (IsWinograd(layout) != IsWinograd(part.weights[w].layout)) {
      return in_layer(absl::UnimplementedError(
          "it is stored with Winograd's transform, which these kernels do not "
          "take and nobody can undo: pack the ONNX file again"));
    }
    const uint64_t offset =
        (end + kWeightAlignment - 1) / kWeightAlignment * kWeightAlignment;
    pieces.push_back({layout, offset});
    end = offset + layout.bytes();
  }
  return pieces;
}

uint64_t EndOf(const std::vector<WeightPiece>& pieces) {
  return pieces.back().offset_bytes + pieces.back().layout.bytes();
}

// With the pieces of each extent where `backend` wants them; tables stay.
absl::StatusOr<Program> ProgramFor(const Program& stored,
                                   const std::vector<const Part*>& first,
                                   const Backend& backend) {
  Program program = stored;
  std::vector<std::vector<WeightPiece>> pieces(stored.extents.size());
  uint64_t end = 0;
  for (size_t e = 0; e < stored.extents.size(); ++e) {
    Extent& extent = program.extents[e];
    if (first[e]->read) {
      ASSIGN_OR_RETURN(pieces[e], PiecesFor(stored, *first[e], backend));
      extent.stored_bytes = RoundUpToPage(EndOf(pieces[e]));
    }
    extent.offset_bytes = end;
    end += extent.stored_bytes;
  }
  for (Part& part : program.parts) {
    if (part.read) part.weights = pieces[stored.ExtentOf(part)];
  }
  RETURN_IF_ERROR(CheckProgram(program));
  return program;
}

// Where each index of each dimension lies, all others being 0: the position of
// an element is the sum over its dimensions.
using Positions = std::vector<std::vector<int64_t>>;

Positions PositionsOf(const WeightLayout& layout) {
  Positions positions;
  for (size_t d = 0; d < layout.shape.size(); ++d) {
    const bool is_transformed = IsWinograd(layout) && d >= 2;
    const int64_t count = is_transformed ? kWinogradInputs : layout.shape[d];
    std::vector<int64_t> index(layout.shape.size());
    std::vector<int64_t>& along = positions.emplace_back();
    for (; index[d] < count; ++index[d]) {
      along.push_back(layout.PositionOf(index));
    }
  }
  return positions;
}

class Mover {
 public:
  Mover(const WeightLayout& from, const WeightLayout& to)
      : from_(PositionsOf(from)),
        to_(PositionsOf(to)),
        element_bytes_(SizeOf(to.dtype)) {}

  void Move(const std::byte* from, std::byte* to) const {
    MoveFrom(0, from, to);
  }

 private:
  void MoveFrom(size_t dimension, const std::byte* from, std::byte* to) const {
    if (dimension == from_.size()) {
      std::memcpy(to, from, element_bytes_);
      return;
    }
    const auto bytes = static_cast<int64_t>(element_bytes_);
    for (size_t i = 0; i < from_[dimension].size(); ++i) {
      MoveFrom(dimension + 1, from + from_[dimension][i] * bytes,
               to + to_[dimension][i] * bytes);
    }
  }

  const Positions from_, to_;
  const size_t element_bytes_;
};

absl::Status CopyTable(const LayerFileReader& file, const Extent& table,
                       LayerFileWriter* writer) {
  PageBuffer piece(std::min(kTablePieceBytes, table.stored_bytes));
  for (uint64_t at = 0; at < table.stored_bytes;) {
    const auto bytes = piece.bytes().first(
        std::min<uint64_t>(piece.bytes().size(), table.stored_bytes - at));
    RETURN_IF_ERROR(file.ReadStream(table.offset_bytes + at, bytes));
    at += bytes.size();
    RETURN_IF_ERROR(writer->AppendPiece(bytes, at == table.stored_bytes));
  }
  return absl::OkStatus();
}

absl::Status WriteExtent(const LayerFileReader& file, const Extent& stored,
                         const std::vector<WeightPiece>& from,
                         const std::vector<WeightPiece>& to,
                         LayerFileWriter* writer) {
  PageBuffer bytes_from(stored.stored_bytes), bytes_to(EndOf(to));
  RETURN_IF_ERROR(file.ReadStream(stored.offset_bytes, bytes_from.bytes()));
  for (size_t w = 0; w < to.size(); ++w) {
    Mover(from[w].layout, to[w].layout)
        .Move(bytes_from.bytes().data() + from[w].offset_bytes,
              bytes_to.bytes().data() + to[w].offset_bytes);
  }
  return writer->AppendExtent(bytes_to.bytes());
}

absl::Status WriteStream(
    const LayerFileReader& file, const Program& stored, const Program& program,
    const std::vector<const Part*>& first,
    const std::function<void(uint64_t, uint64_t)>& progress,
    LayerFileWriter* writer) {
  for (size_t e = 0; e < stored.extents.size(); ++e) {
    const Extent& extent = stored.extents[e];
    const auto number = static_cast<size_t>(first[e] - stored.parts.data());
    RETURN_IF_ERROR(first[e]->table
                        ? CopyTable(file, extent, writer)
                        : WriteExtent(file, extent, first[e]->weights,
                                      program.parts[number].weights, writer));
    if (progress) {
      progress(extent.offset_bytes + extent.stored_bytes,
               file.stream().stored_bytes);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RelayoutLayerFile(
    const std::string& from, const std::string& to, const Backend& backend,
    const std::function<void(uint64_t done_bytes, uint64_t all_bytes)>&
        progress) {
  RETURN_IF_ERROR(VerifyLayerFile(from, nullptr));
  ASSIGN_OR_RETURN(const auto file, LayerFileReader::Open(from));
  ASSIGN_OR_RETURN(const Program stored, Program::Parse(file->manifest()));
  ASSIGN_OR_RETURN(const std::vector<const Part*> first, FirstPartsOf(stored));
  ASSIGN_OR_RETURN(const Program program, ProgramFor(stored, first, backend));
  manifest::Manifest manifest;
  *manifest.mutable_identity() = file->manifest().identity();
  *manifest.mutable_options() = file->manifest().options();
  const KernelKey key = backend.key();
  manifest::KernelKey* const kernel_key = manifest.mutable_kernel_key();
  kernel_key->set_backend(key.backend);
  kernel_key->set_isa(key.isa);
  kernel_key->set_dtype(file->manifest().kernel_key().dtype());
  kernel_key->set_library(key.library);
  program.WriteTo(&manifest);
  ASSIGN_OR_RETURN(
      const std::unique_ptr<LayerFileWriter> writer,
      LayerFileWriter::Create(to, manifest, file->stream().tile_bytes));
  RETURN_IF_ERROR(
      WriteStream(*file, stored, program, first, progress, writer.get()));
  return writer->Commit();
}

}  // namespace layerd
