#include "daemon/engine/repository_entry.h"

#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace layerd {

bool MayPackAgain(const RepositoryEntry& entry, const absl::Status& status) {
  return !entry.found.onnx_path.empty() && !entry.packed &&
         (absl::IsFailedPrecondition(status) || absl::IsDataLoss(status) ||
          absl::IsInvalidArgument(status));
}

std::string WithoutPaths(const RepositoryEntry& entry,
                         const std::string& text) {
  std::vector<std::pair<std::string, std::string>> words;
  const auto hide = [&words](const std::string& path, const char* name) {
    if (!path.empty()) words.emplace_back(path, name);
  };
  const std::string& onnx_path = entry.found.onnx_path;
  hide(onnx_path, "model.onnx");
  // What lies beside it: external data.
  hide(onnx_path.substr(0, onnx_path.find_last_of('/') + 1), "");
  hide(entry.found.layers_path, "model.layers");
  hide(entry.packed_path, "the packed model");
  return absl::StrReplaceAll(text, words);
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
         a.config.weights == b.config.weights &&
         a.config.compute == b.config.compute &&
         a.config.optimize_for == b.config.optimize_for;
}

}  // namespace layerd
