// layerctl repack: a layer file for the kernels of this machine.
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/byte_size.h"
#include "config/status_macros.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/failure.h"
#include "daemon/ctl/json_writer.h"
#include "daemon/ctl/output.h"
#include "daemon/ctl/pack_options.h"
#include "daemon/pack/relayout_layer_file.h"
#include "loader/store/layer_file_reader.h"

namespace layerd {
namespace {

struct Made {
  std::string kernels;  // "cpu avx2 oneDNN 2.6.3".
  uint64_t file_bytes = 0;
};

absl::StatusOr<Made> LookAt(const std::string& path) {
  ASSIGN_OR_RETURN(const auto file, LayerFileReader::Open(path));
  const manifest::KernelKey& key = file->manifest().kernel_key();
  return Made{absl::StrCat(key.backend(), " ", key.isa(), " ", key.library()),
              file->file_bytes()};
}

absl::Status RunRepack(const CommandLine& line) {
  const std::string& from = line.operands().front();
  const std::string to = line.Text("--output", from);
  PackOptions options;
  ASSIGN_OR_RETURN(options.kernels, line.OneOf("--kernels", {"cpu", "cuda"}));
  ASSIGN_OR_RETURN(const Made before, LookAt(from));
  RETURN_IF_ERROR(RelayoutLayerFile(from, to, *PackingBackend(options),
                                    ProgressBar("repacking")));
  ASSIGN_OR_RETURN(const Made now, LookAt(to));
  if (!line.json()) {
    return WriteAnswer(absl::StrFormat("%s: for %s, and was for %s; file %s\n",
                                       to, now.kernels, before.kernels,
                                       FormatByteSize(now.file_bytes)));
  }
  JsonWriter json;
  json.BeginObject();
  json.Add("file", to);
  json.Add("kernels", now.kernels);
  json.Add("kernels_before", before.kernels);
  json.Add("file_bytes", now.file_bytes);
  json.EndObject();
  return WriteAnswer(json.Finish());
}

}  // namespace

Command RepackCommand() {
  return {
      .name = "repack",
      .operands = "FILE.layers",
      .operand_count_min = 1,
      .operand_count_max = 1,
      .summary =
          "Lays the weights of a layer file out for this machine's kernels.",
      .options = {{.name = "--output",
                   .value = "OUT.layers",
                   .help = "where the new file goes; default in the place of "
                           "the old one",
                   .short_name = "-o"},
                  KernelsOption()},
      .notes =
          "No ONNX file is needed: parts are cut as they were, and no weight "
          "changes. What is packed for latency with Winograd's transform can "
          "only move to kernels that take it.",
      .run = RunRepack,
  };
}

}  // namespace layerd
