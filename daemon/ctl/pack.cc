#include <chrono>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/byte_size.h"
#include "config/status_macros.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/failure.h"
#include "daemon/ctl/json_writer.h"
#include "daemon/ctl/output.h"
#include "daemon/ctl/pack_options.h"
#include "kernels/cpu/cpu_backend.h"

namespace layerd {
namespace {

using Seconds = std::chrono::duration<double>;

absl::StatusOr<std::string> LayerFilePath(const CommandLine& line,
                                          const std::string& onnx_path) {
  const std::string path = line.Text("--output", "");
  if (path.empty()) return UsageError("-o FILE.layers is missing");
  std::error_code ignored;
  if (std::filesystem::equivalent(path, onnx_path, ignored)) {
    return UsageError(
        absl::StrFormat("-o %s is the model itself; name another file", path));
  }
  return path;
}

std::string JsonOf(const std::string& path, const PackReport& report,
                   Seconds time) {
  JsonWriter json;
  json.BeginObject();
  json.Add("file", path);
  json.Add("weight_bytes", report.weight_bytes);
  json.Add("stream_bytes", report.stream_bytes);
  json.Add("file_bytes", report.file_bytes);
  json.Add("layers", report.layers);
  json.Add("parts", report.parts);
  json.Add("extents", report.extents);
  json.Add("largest_extent_bytes", report.largest_extent_bytes);
  json.Add("pack_ms", time.count() * 1e3);
  json.EndObject();
  return json.Finish();
}

std::string TextOf(const std::string& path, const PackReport& report,
                   Seconds time) {
  return absl::StrFormat(
      "%s: %d layers in %d parts, %d extents up to %s; weights %s, file %s; "
      "%.2f s\n",
      path, report.layers, report.parts, report.extents,
      FormatByteSize(report.largest_extent_bytes),
      FormatByteSize(report.weight_bytes), FormatByteSize(report.file_bytes),
      time.count());
}

absl::Status RunPack(const CommandLine& line) {
  const std::string& onnx_path = line.operands().front();
  ASSIGN_OR_RETURN(const std::string path, LayerFilePath(line, onnx_path));
  ASSIGN_OR_RETURN(const PackOptions options,
                   ReadPackingOptions(line, onnx_path));
  const std::unique_ptr<Backend> backend = MakeCpuBackend(1);
  const auto start = std::chrono::steady_clock::now();
  ASSIGN_OR_RETURN(
      const PackReport report,
      Pack(onnx_path, path, options, *backend, ProgressBar("packing")));
  const Seconds time = std::chrono::steady_clock::now() - start;
  return WriteAnswer(line.json() ? JsonOf(path, report, time)
                                 : TextOf(path, report, time));
}

}  // namespace

Command PackCommand() {
  std::vector<Option> options = {{.name = "--output",
                                  .value = "FILE.layers",
                                  .help = "where the layer file goes",
                                  .short_name = "-o"}};
  for (const Option& option : PackingOptions()) options.push_back(option);
  return {
      .name = "pack",
      .operands = "MODEL.onnx",
      .operand_count_min = 1,
      .operand_count_max = 1,
      .summary =
          "Packs an ONNX model into a layer file for this machine's "
          "kernels.",
      .options = std::move(options),
      .notes =
          "A free leading (batch) dimension is 1 unless --shape says "
          "more. A model that cannot be packed is refused by the name "
          "of its node, and an older FILE.layers stays as it was.",
      .run = RunPack,
  };
}

}  // namespace layerd
