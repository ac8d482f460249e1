#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/byte_size.h"
#include "config/status_macros.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/inspected.h"
#include "daemon/ctl/output.h"

namespace layerd {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string PortLines(const char* heading, const Program& program,
                      const std::vector<uint32_t>& tensors) {
  std::string lines;
  for (const uint32_t tensor : tensors) {
    absl::StrAppendFormat(&lines, "%-9s %s  %s\n", heading,
                          program.tensors[tensor].name,
                          ToString(program.tensors[tensor].type));
  }
  return lines;
}

std::string HeadText(const Inspected& inspected) {
  const manifest::Manifest& manifest = inspected.file->manifest();
  const Program& program = inspected.program;
  const auto& key = manifest.kernel_key();
  const auto& options = manifest.options();
  std::string text = absl::StrFormat(
      "%s\n"
      "model     %s, packed by %s from sha256 %s\n"
      "kernels   %s, %s, %s, %s\n"
      "options   weights %s, for %s, extents up to %s, parts up to %s FLOP\n"
      "weights   %s as f32 (%s bytes); stream %s, file %s\n"
      "program   %d layers, %d parts, %d reads of %d extents up to %s, %d "
      "tiles of %s\n",
      inspected.file->path(), manifest.identity().name(),
      manifest.identity().producer(), manifest.identity().source_sha256(),
      key.backend(), key.isa(), key.dtype(), key.library(), options.weights(),
      options.optimize_for(), FormatByteSize(options.extent_bytes_max()),
      FormatCount(options.part_flops_max()),
      FormatByteSize(manifest.identity().weight_bytes()),
      FormatCount(manifest.identity().weight_bytes()),
      FormatByteSize(inspected.file->stream().stored_bytes),
      FormatByteSize(inspected.file->file_bytes()), program.layers.size(),
      program.parts.size(), program.reads.size(), program.extents.size(),
      FormatByteSize(inspected.largest_extent_bytes()),
      inspected.file->stream().tile_count,
      FormatByteSize(inspected.file->stream().tile_bytes));
  for (const Inspected::DtypeSum& sum : inspected.DtypeSums()) {
    absl::StrAppendFormat(&text, "stored    %s in %d tensors of %s\n",
                          FormatByteSize(sum.bytes), sum.tensors, sum.dtype);
  }
  for (const manifest::ShapeBinding& shape : options.shapes()) {
    absl::StrAppendFormat(&text, "shape     %s=%s\n", shape.name(),
                          absl::StrJoin(shape.dimensions(), ","));
  }
  return absl::StrCat(text, PortLines("input", program, program.inputs),
                      PortLines("output", program, program.outputs));
}

std::string LayersText(const Inspected& inspected) {
  const Program& program = inspected.program;
  const std::vector<Inspected::LayerSum> sums = inspected.LayerSums();
  Rows rows{{"layer", "operator", "name", "output", "parts", "weights", "KiB",
             "MFLOP"}};
  for (size_t i = 0; i < program.layers.size(); ++i) {
    const Layer& layer = program.layers[i];
    const TensorType& output = program.tensors[layer.outputs.front()].type;
    rows.push_back(
        {absl::StrCat(i), NameOf(layer.op), layer.name, ToString(output),
         absl::StrCat(sums[i].parts),
         sums[i].weights_dtype == nullptr ? "-" : sums[i].weights_dtype,
         absl::StrCat(sums[i].weight_bytes >> 10),
         absl::StrFormat("%.2f", sums[i].work_flops / 1e6)});
  }
  return FormatTable(rows);
}

std::string RangeText(const Range& range) {
  return absl::StrFormat("%d+%d", range.first, range.count);
}

std::string PartsText(const Inspected& inspected) {
  Rows rows{{"part", "layer", "channels", "rows", "read", "extent", "offset",
             "bytes", "MFLOP"}};
  for (size_t i = 0; i < inspected.program.parts.size(); ++i) {
    const Part& part = inspected.program.parts[i];
    std::vector<std::string> row{absl::StrCat(i), absl::StrCat(part.layer),
                                 RangeText(part.channels),
                                 RangeText(part.rows)};
    if (const Extent* extent = inspected.ExtentOf(part)) {
      row.push_back(absl::StrCat(*part.read));
      row.push_back(absl::StrCat(inspected.program.reads[*part.read]));
      row.push_back(absl::StrCat(extent->offset_bytes));
      row.push_back(absl::StrCat(extent->stored_bytes));
    } else {
      row.insert(row.end(), 4, "-");
    }
    row.push_back(absl::StrFormat("%.2f", part.work_flops / 1e6));
    rows.push_back(std::move(row));
  }
  return FormatTable(rows);
}

absl::Status RunInspect(const CommandLine& line) {
  ASSIGN_OR_RETURN(const Inspected inspected,
                   Inspected::Open(line.operands().front()));
  if (line.json()) return WriteAnswer(InspectedJson(inspected));
  std::string text =
      absl::StrCat(HeadText(inspected), "\n", LayersText(inspected));
  if (line.Has("--parts")) absl::StrAppend(&text, "\n", PartsText(inspected));
  return WriteAnswer(text);
}

}  // namespace

Command InspectCommand() {
  return {
      .name = "inspect",
      .operands = "FILE.layers",
      .operand_count_min = 1,
      .operand_count_max = 1,
      .summary =
          "Shows what is in a layer file: what it was made from and "
          "for, its tensors and layers.",
      .options = {{.name = "--parts",
                   .help = "also every part, with its extent (--json always "
                           "has them)"}},
      .notes =
          "Ranges are written FIRST+COUNT. Weights are not read; `layerctl "
          "verify` does that.",
      .run = RunInspect,
  };
}

}  // namespace layerd
