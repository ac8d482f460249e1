#include "daemon/engine/repository_entry.h"

#include <chrono>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "config/version.h"
#include "daemon/plan/memory_plan.h"

namespace layerd {

const char* NameOf(ModelState state) {
  switch (state) {
    case ModelState::kLoading:
      return "LOADING";
    case ModelState::kReady:
      return "READY";
    case ModelState::kUnavailable:
      return "UNAVAILABLE";
  }
  return "?";
}

std::string Told(ModelState state, const std::string& reason) {
  return absl::StrCat(NameOf(state), reason.empty() ? "" : ": ", reason);
}

std::string BeforeAnswers(ModelState state, const std::string& reason) {
  return absl::StrCat("its new files are ", Told(state, reason),
                      "; what was loaded before answers");
}

bool MayPackAgain(const RepositoryEntry& entry, const absl::Status& status) {
  if (entry.packed) return false;
  if (absl::IsFailedPrecondition(status)) return true;
  const bool was_cached = !entry.packed_path.empty();
  if (absl::IsNotFound(status)) return was_cached;
  return (was_cached || !entry.found.onnx_path.empty()) &&
         (absl::IsDataLoss(status) || absl::IsInvalidArgument(status));
}

std::string CachePathOf(const RepositoryOptions& options,
                        const RepositoryEntry& entry) {
  return absl::StrCat(options.cache_path, "/", entry.found.name, "-",
                      entry.found.version, "-", entry.found.content_key, "-",
                      kVersion,
                      options.kernels == "cpu" ? "" : "-" + options.kernels,
                      ".layers");
}

std::vector<std::string> PackCommand(const RepositoryOptions& options,
                                     const RepositoryEntry& entry) {
  if (entry.found.onnx_path.empty()) {
    return {options.layerctl_path, "repack",    entry.found.layers_path, "-o",
            entry.packed_path,     "--kernels", options.kernels};
  }
  const ModelConfig& config = entry.found.config;
  std::vector<std::string> command{options.layerctl_path, "pack",
                                   entry.found.onnx_path, "-o",
                                   entry.packed_path};
  const std::pair<const char*, std::string> words[] = {
      {"--weights", config.weights}, {"--for", config.optimize_for},
      {"--compute", config.compute}, {"--kernels", options.kernels},
      {"--accuracy", "0"},
  };
  for (const auto& [option, value] : words) {
    command.insert(command.end(), {option, value});
  }
  const auto say = [&command](const char* option, const std::string& input,
                              const auto& numbers) {
    command.push_back(option);
    command.push_back(absl::StrCat(absl::StrReplaceAll(input, {{"=", "\\="}}),
                                   "=", absl::StrJoin(numbers, ",")));
  };
  for (const auto& [input, shape] : config.shapes) say("--shape", input, shape);
  for (const auto& [input, value] : config.values) say("--value", input, value);
  return command;
}

Engine::ModelSource SourceOf(const RepositoryEntry& entry) {
  const ModelConfig& config = entry.found.config;
  return {.layer_file_path = entry.packed_path.empty() ? entry.found.layers_path
                                                       : entry.packed_path,
          .name = entry.found.name,
          .version = entry.found.version,
          .level = static_cast<int>(config.level),
          .lower_to = static_cast<int>(config.lower_to),
          .period = std::chrono::milliseconds(config.period_ms),
          .deadline = std::chrono::milliseconds(config.deadline_ms)};
}

std::string WithoutPaths(const RepositoryEntry& entry,
                         const std::string& text) {
  std::vector<std::pair<std::string, std::string>> words;
  const auto hide = [&words](const std::string& path, const char* name) {
    if (!path.empty()) words.emplace_back(path, name);
  };
  const FoundModel& found = entry.found;
  hide(found.onnx_path, "model.onnx");
  // What lies beside it, external data, and beside its folder: model.yaml.
  const std::string& file =
      found.onnx_path.empty() ? found.layers_path : found.onnx_path;
  const size_t folder_bytes = file.find_last_of('/') + 1;
  hide(file.substr(0, folder_bytes), "");
  hide(file.substr(0, file.find_last_of('/', folder_bytes - 2) + 1), "");
  hide(found.layers_path, "model.layers");
  hide(entry.packed_path, "the packed model");
  return absl::StrReplaceAll(text, words);
}

std::string WithModelYaml(std::string reason) {
  const bool shape = absl::StrContains(reason, "--shape ");
  const bool value = absl::StrContains(reason, "--value ") ||
                     absl::StrContains(reason, "known while packing");
  if (shape || value) {
    absl::StrAppend(&reason,
                    "; layerd reads it in model.yaml, beside the "
                    "folder of the version: ",
                    shape ? "shapes: {NAME: [1, 3, 224, 224]}" : "",
                    shape && value ? " or " : "",
                    value ? "values: {NAME: 16000}" : "");
  }
  return reason;
}

absl::Status NotLoaded(const absl::Status& refusal,
                       const std::string& message) {
  if (absl::IsDataLoss(refusal)) return absl::DataLossError(message);
  if (!absl::IsResourceExhausted(refusal)) {
    return absl::UnavailableError(message);
  }
  const absl::Status exhausted = absl::ResourceExhaustedError(message);
  const auto minimum = MinimumBudgetBytes(refusal);
  return minimum ? WithMinimumBudget(exhausted, *minimum) : exhausted;
}

absl::Status NoSuchModel(const std::string& name) {
  return absl::NotFoundError(
      IsModelName(name)
          ? absl::StrFormat("there is no model '%s' in the repository", name)
          : "there is no model of that name in the repository");
}

bool ComesBefore(const FoundModel& a, const FoundModel& b) {
  const auto number = [](const std::string& version) {
    return std::pair(version.size(), version);  // Without leading zeros.
  };
  return a.name != b.name ? a.name < b.name
                          : number(a.version) < number(b.version);
}

bool IsSame(const FoundModel& a, const FoundModel& b) {
  return a.content_key == b.content_key && a.problem == b.problem &&
         a.config.level == b.config.level &&
         a.config.lower_to == b.config.lower_to &&
         a.config.period_ms == b.config.period_ms &&
         a.config.deadline_ms == b.config.deadline_ms &&
         a.config.shapes == b.config.shapes &&
         a.config.values == b.config.values &&
         a.config.weights == b.config.weights &&
         a.config.compute == b.config.compute &&
         a.config.optimize_for == b.config.optimize_for;
}

}  // namespace layerd
