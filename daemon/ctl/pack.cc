#include <chrono>
#include <filesystem>
#include <optional>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/byte_size.h"
#include "config/status_macros.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/failure.h"
#include "daemon/ctl/json_writer.h"
#include "daemon/ctl/measure_accuracy.h"
#include "daemon/ctl/output.h"
#include "daemon/ctl/pack_options.h"

namespace layerd {
namespace {

constexpr uint64_t kSeedsDefault = 4, kSeedsMax = 10'000;

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

// The packing itself is done, so its file stays: who asked what the answers
// lose has no answer, and that is a failure.
absl::Status WithoutAccuracy(const std::string& path,
                             const absl::Status& reason) {
  absl::Status status(
      reason.code(),
      absl::StrFormat("%s is packed and stays, but its answers could not be "
                      "compared with those of f32: %s (--accuracy 0 packs "
                      "without comparing)",
                      path, std::string(reason.message())));
  reason.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) {
    status.SetPayload(url, payload);
  });
  return status;
}

// Nothing for f32, and where nobody wants to know.
absl::StatusOr<std::optional<Accuracy>> AccuracyFor(const CommandLine& line,
                                                    AccuracyQuestion question) {
  // It is measured with the file itself, on this processor.
  const uint64_t seeds = question.options.kernels == "cpu" ? kSeedsDefault : 0;
  question.inputs = line.All("--input");
  ASSIGN_OR_RETURN(question.seeds,
                   line.Number("--accuracy", seeds, 0, kSeedsMax));
  if (question.options.weights == "f32") return std::nullopt;
  if (question.inputs.empty() && question.seeds == 0) return std::nullopt;
  absl::StatusOr<Accuracy> accuracy = MeasureAccuracy(question);
  if (!accuracy.ok()) {
    return WithoutAccuracy(question.layer_file, accuracy.status());
  }
  return *std::move(accuracy);
}

std::string JsonOf(const std::string& path, const PackOptions& options,
                   const PackReport& report, Seconds time,
                   const std::optional<Accuracy>& accuracy) {
  JsonWriter json;
  json.BeginObject();
  json.Add("file", path);
  json.Add("weights", options.weights);
  json.Add("weight_bytes", report.weight_bytes);
  json.Add("stream_bytes", report.stream_bytes);
  json.Add("file_bytes", report.file_bytes);
  json.Add("layers", report.layers);
  json.Add("parts", report.parts);
  json.Add("extents", report.extents);
  json.Add("largest_extent_bytes", report.largest_extent_bytes);
  json.Add("pack_ms", time.count() * 1e3);
  if (accuracy) {
    AddAccuracy(*accuracy, &json);
  } else {
    json.AddNull("accuracy");
  }
  json.EndObject();
  return json.Finish();
}

std::string TextOf(const std::string& path, const PackOptions& options,
                   const PackReport& report, Seconds time,
                   const std::optional<Accuracy>& accuracy) {
  return absl::StrCat(
      absl::StrFormat(
          "%s: %d layers in %d parts, %d extents up to %s; weights %s as f32, "
          "stored as %s; file %s; %.2f s\n",
          path, report.layers, report.parts, report.extents,
          FormatByteSize(report.largest_extent_bytes),
          FormatByteSize(report.weight_bytes), options.weights,
          FormatByteSize(report.file_bytes), time.count()),
      accuracy ? AccuracyText(*accuracy, options.weights) : "");
}

absl::Status RunPack(const CommandLine& line) {
  const std::string& onnx_path = line.operands().front();
  ASSIGN_OR_RETURN(const std::string path, LayerFilePath(line, onnx_path));
  ASSIGN_OR_RETURN(const PackOptions options,
                   ReadPackingOptions(line, onnx_path));
  const std::unique_ptr<Backend> backend = PackingBackend(options);
  const auto start = std::chrono::steady_clock::now();
  ASSIGN_OR_RETURN(
      const PackReport report,
      Pack(onnx_path, path, options, *backend, ProgressBar("packing")));
  const Seconds time = std::chrono::steady_clock::now() - start;
  ASSIGN_OR_RETURN(const std::optional<Accuracy> accuracy,
                   AccuracyFor(line, {.onnx_path = onnx_path,
                                      .layer_file = path,
                                      .options = options,
                                      .inputs = {}}));
  return WriteAnswer(line.json()
                         ? JsonOf(path, options, report, time, accuracy)
                         : TextOf(path, options, report, time, accuracy));
}

}  // namespace

Command PackCommand() {
  std::vector<Option> options = {{.name = "--output",
                                  .value = "FILE.layers",
                                  .help = "where the layer file goes",
                                  .short_name = "-o"}};
  for (const Option& option : PackingOptions()) options.push_back(option);
  options.push_back({.name = "--input",
                     .value = "NAME=x.npy",
                     .help = "what to compare narrow weights with f32 on; by "
                             "default random inputs",
                     .repeats = true});
  options.push_back(
      {.name = "--accuracy",
       .value = "K",
       .help = "random inputs to compare on; default 4, 0: none"});
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
          "of its node, and an older FILE.layers stays as it was. With weights "
          "narrower than f32 the model is packed a second time, and what its "
          "answers lose is said: real inputs say it better than random ones. "
          "If they cannot be compared, FILE.layers stays and the exit code is "
          "not 0.",
      .run = RunPack,
  };
}

}  // namespace layerd
