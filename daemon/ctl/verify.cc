#include "absl/strings/str_format.h"
#include "config/byte_size.h"
#include "config/status_macros.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/json_writer.h"
#include "daemon/ctl/output.h"
#include "loader/store/layer_file_reader.h"

namespace layerd {
namespace {

absl::Status RunVerify(const CommandLine& line) {
  const std::string& path = line.operands().front();
  const auto bar = ProgressBar("verifying");
  uint64_t file_bytes = 0;
  RETURN_IF_ERROR(VerifyLayerFile(path, [&](uint64_t done, uint64_t all) {
    file_bytes = all;
    if (bar) bar(done, all);
  }));
  if (!line.json()) {
    return WriteAnswer(absl::StrFormat("%s: all %s are as they were written\n",
                                       path, FormatByteSize(file_bytes)));
  }
  JsonWriter json;
  json.BeginObject();
  json.Add("file", path);
  json.Add("verified_bytes", file_bytes);
  json.Add("ok", true);
  json.EndObject();
  return WriteAnswer(json.Finish());
}

}  // namespace

Command VerifyCommand() {
  return {
      .name = "verify",
      .operands = "FILE.layers",
      .operand_count_min = 1,
      .operand_count_max = 1,
      .summary =
          "Reads the whole layer file and compares every byte with its "
          "checksum.",
      .options = {},
      .notes =
          "The first damage ends it with exit code 1 and names tile, "
          "offset and layer.",
      .run = RunVerify,
  };
}

}  // namespace layerd
