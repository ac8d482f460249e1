#include "daemon/pack/decode_layer_file.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "config/status_macros.h"
#include "daemon/pack/extent_parts.h"
#include "daemon/plan/program.h"
#include "kernels/decoded_part.h"
#include "kernels/part_check.h"
#include "kernels/reference/plain_decoder.h"
#include "loader/store/layer_file_reader.h"
#include "loader/store/layer_file_writer.h"
#include "loader/store/page_buffer.h"

namespace layerd {
namespace {

using FirstParts = std::vector<const Part*>;

Program DecodedProgram(const Program& stored, const FirstParts& first) {
  Program decoded = stored;
  for (Part& part : decoded.parts) {
    part.weights = DecodedSpec(stored.SpecOf(part)).weights;
  }
  uint64_t end = 0;
  for (size_t e = 0; e < decoded.extents.size(); ++e) {
    const PartSpec spec = stored.SpecOf(*first[e]);
    Extent& extent = decoded.extents[e];
    if (IsNarrow(spec)) {
      extent.stored_bytes = RoundUpToPage(WeightBytes(DecodedSpec(spec)));
    }
    extent.offset_bytes = end;
    end += extent.stored_bytes;
  }
  return decoded;
}

absl::Status WriteDecoded(const LayerFileReader& file, const Program& stored,
                          const Program& decoded, const FirstParts& first,
                          LayerFileWriter* writer) {
  for (size_t e = 0; e < stored.extents.size(); ++e) {
    PageBuffer from(stored.extents[e].stored_bytes);
    RETURN_IF_ERROR(
        file.ReadStream(stored.extents[e].offset_bytes, from.bytes()));
    const PartSpec spec = stored.SpecOf(*first[e]);
    if (!IsNarrow(spec)) {
      RETURN_IF_ERROR(writer->AppendExtent(from.bytes()));
      continue;
    }
    PageBuffer to(decoded.extents[e].stored_bytes);
    PlainDecoder(spec).Decode(from.bytes().data(), to.bytes().data());
    RETURN_IF_ERROR(writer->AppendExtent(to.bytes()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status DecodeLayerFile(const std::string& from, const std::string& to) {
  RETURN_IF_ERROR(VerifyLayerFile(from, nullptr));
  ASSIGN_OR_RETURN(const auto file, LayerFileReader::Open(from));
  ASSIGN_OR_RETURN(const Program stored, Program::Parse(file->manifest()));
  for (const Part& part : stored.parts) {
    RETURN_IF_ERROR(CheckComputesF32(stored.SpecOf(part)));
  }
  ASSIGN_OR_RETURN(const FirstParts first, FirstPartsOf(stored));
  const Program decoded = DecodedProgram(stored, first);
  manifest::Manifest manifest;
  *manifest.mutable_identity() = file->manifest().identity();
  *manifest.mutable_kernel_key() = file->manifest().kernel_key();
  *manifest.mutable_options() = file->manifest().options();
  manifest.mutable_options()->set_weights("f32");
  decoded.WriteTo(&manifest);
  ASSIGN_OR_RETURN(
      const std::unique_ptr<LayerFileWriter> writer,
      LayerFileWriter::Create(to, manifest, file->stream().tile_bytes));
  RETURN_IF_ERROR(WriteDecoded(*file, stored, decoded, first, writer.get()));
  return writer->Commit();
}

}  // namespace layerd
