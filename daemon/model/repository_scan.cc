#include "daemon/model/repository_scan.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/fnv1a.h"
#include "config/limits.h"
#include "config/read_text.h"
#include "config/status_macros.h"

namespace layerd {
namespace {

namespace fs = std::filesystem;

// Called `name` to whoever hears that it cannot be read.
absl::StatusOr<std::vector<std::string>> FoldersIn(const std::string& path,
                                                   const std::string& name) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator it(path, error), end; !error && it != end;
       it.increment(error)) {
    const std::string inside = it->path().filename().string();
    std::error_code ignored;
    if (inside.front() != '.' && it->is_directory(ignored)) {
      names.push_back(inside);
    }
  }
  if (error) return absl::ErrnoToStatus(error.value(), name);
  std::sort(names.begin(), names.end());
  return names;
}

// In lower case: files from elsewhere may be called MODEL.ONNX.
std::string EndingOf(const fs::path& path) {
  return absl::AsciiStrToLower(path.extension().string());
}

bool IsModelFile(const fs::path& path) {
  return EndingOf(path) == ".onnx" || EndingOf(path) == ".layers";
}

// Files that are meant as models, by name.
std::vector<std::string> ModelFilesIn(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code ignored;
    const std::string name = it->path().filename().string();
    if (name.front() != '.' && IsModelFile(it->path()) &&
        it->is_regular_file(ignored)) {
      names.push_back(name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool IsVersion(const std::string& name) {
  uint64_t number = 0;
  return !name.empty() && name.front() != '0' &&
         std::all_of(name.begin(), name.end(), absl::ascii_isdigit) &&
         absl::SimpleAtoi(name, &number) && number <= INT64_MAX;
}

std::string FileIn(const std::string& folder, const char* name) {
  const std::string path = folder + "/" + name;
  struct stat there;
  return stat(path.c_str(), &there) == 0 && S_ISREG(there.st_mode) ? path : "";
}

// Of a name that is there and no file: why. Empty if it is one, or not there.
std::string WhyNoFile(const std::string& folder, const std::string& name) {
  const std::string path = folder + "/" + name;
  struct stat there;
  if (lstat(path.c_str(), &there) != 0) {
    return errno == ENOENT ? "" : absl::StrCat(name, ": ", strerror(errno));
  }
  if (stat(path.c_str(), &there) != 0) {
    return absl::StrCat(
        name, " is a link to where nothing is to be had: ", strerror(errno));
  }
  return S_ISREG(there.st_mode) ? "" : absl::StrCat(name, " is no file");
}

// All files count: external data belongs to the model.
std::string FilesOf(const std::string& folder) {
  std::vector<std::string> lines;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end;
       !error && it != end; it.increment(error)) {
    struct stat there;
    if (stat(it->path().c_str(), &there) != 0 || !S_ISREG(there.st_mode)) {
      continue;
    }
    lines.push_back(absl::StrCat(it->path().string(), "|", there.st_size, "|",
                                 there.st_mtim.tv_sec, ".",
                                 there.st_mtim.tv_nsec));
  }
  std::sort(lines.begin(), lines.end());
  std::string all;
  for (const std::string& line : lines) absl::StrAppend(&all, line, "\n");
  return all;
}

// What is written for a model and not read would be missed by its requests.
absl::StatusOr<ModelConfig> ConfigIn(const std::string& folder) {
  if (const std::string why = WhyNoFile(folder, "model.yaml"); !why.empty()) {
    return absl::InvalidArgumentError(why);
  }
  const std::string path = FileIn(folder, "model.yaml");
  if (path.empty() && !FileIn(folder, "model.yml").empty()) {
    return absl::InvalidArgumentError(
        "model.yml is not read; rename it model.yaml");
  }
  if (path.empty()) return ModelConfig();
  ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path));
  return ModelConfig::Parse(text, "model.yaml");
}

std::string OptionsOf(const ModelConfig& config) {
  std::string text = absl::StrCat(config.weights, "|", config.optimize_for);
  if (config.compute != "f32") absl::StrAppend(&text, "|", config.compute);
  for (const auto& [input, shape] : config.shapes) {
    absl::StrAppend(&text, "|", input, "=");
    for (const int64_t size : shape) absl::StrAppend(&text, size, ",");
  }
  for (const auto& [input, numbers] : config.values) {
    absl::StrAppend(&text, "|", input, "=value ", absl::StrJoin(numbers, ","));
  }
  return text;
}

bool IsOfName(unsigned char c) {
  return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
}

// A name that may be shown anywhere.
std::string ShownName(std::string name) {
  name.resize(std::min<size_t>(name.size(), kModelNameBytesMax));
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !IsOfName(c); }, '?');
  return name;
}

std::string NoModelIn(const std::string& folder) {
  for (const char* name : {"model.onnx", "model.layers"}) {
    const std::string why = WhyNoFile(folder, name);
    if (!why.empty()) return why;
  }
  const std::vector<std::string> others = ModelFilesIn(folder);
  return absl::StrCat(
      "neither model.onnx nor model.layers is in the version's folder",
      others.empty() ? ""
                     : absl::StrCat("; is it ", ShownName(others.front()),
                                    "? Then rename that"));
}

// `folders` are there, none of them a version.
std::string NoVersionIn(const std::string& folder,
                        const std::vector<std::string>& folders) {
  const std::vector<std::string> files = ModelFilesIn(folder);
  if (!files.empty() && IsVersion(fs::path(folder).filename().string())) {
    return "this is a version of a model; is the repository the folder above?";
  }
  if (!files.empty()) {
    return absl::StrFormat("no version folder; move %s to 1/model%s",
                           ShownName(files.front()), EndingOf(files.front()));
  }
  if (!folders.empty()) {
    return absl::StrFormat(
        "no version folder; rename %s: a version is a whole number from 1, "
        "without leading zeros",
        ShownName(folders.front()));
  }
  const std::string why = WhyNoFile(folder, "1");
  return absl::StrCat("no version folder; ",
                      why.empty() ? "make one called 1 with model.onnx or "
                                    "model.layers in it"
                                  : why);
}

FoundModel LookAt(const std::string& folder, const std::string& name,
                  const std::string& version,
                  const absl::StatusOr<ModelConfig>& config) {
  FoundModel found;
  found.name = name;
  found.version = version;
  found.onnx_path = FileIn(folder, "model.onnx");
  found.layers_path = FileIn(folder, "model.layers");
  if (!config.ok()) {
    found.problem = config.status();
    return found;
  }
  found.config = *config;
  if (found.onnx_path.empty() && found.layers_path.empty()) {
    found.problem = absl::NotFoundError(NoModelIn(folder));
  } else if (!FileIn(folder, "model.yaml").empty()) {
    found.problem = absl::InvalidArgumentError(absl::StrCat(
        version, "/model.yaml is not read; move it beside the folder ",
        version));
  }
  found.content_key = absl::StrFormat(
      "%016x", Fnv1a(absl::StrCat(FilesOf(folder), OptionsOf(found.config))));
  return found;
}

// A folder with models in it, but of a name that no request can have.
void Misname(std::vector<FoundModel>& versions) {
  std::erase_if(versions, [](const FoundModel& found) {
    return found.onnx_path.empty() && found.layers_path.empty();
  });
  for (FoundModel& found : versions) {
    found.name = ShownName(found.name);
    found.problem = absl::InvalidArgumentError(
        "rename the folder: a model's name has letters, digits, '.', '_' and "
        "'-' only, begins with a letter or a digit and has no '..'");
  }
}

FoundModel Nothing(const std::string& name, absl::Status problem) {
  FoundModel nothing;
  nothing.name = name;
  nothing.version = std::string("1");  // What version it would be.
  nothing.problem = std::move(problem);
  return nothing;
}

// Ascending.
std::vector<std::string> VersionsAmong(std::vector<std::string> folders) {
  std::erase_if(folders, [](const auto& name) { return !IsVersion(name); });
  std::sort(folders.begin(), folders.end(), [](auto& a, auto& b) {
    return std::pair(a.size(), a) < std::pair(b.size(), b);
  });
  return folders;
}

std::vector<FoundModel> VersionsOf(const std::string& folder,
                                   const std::string& name) {
  const absl::StatusOr<ModelConfig> config = ConfigIn(folder);
  const auto folders = FoldersIn(folder, "its folder");
  if (!folders.ok()) return {Nothing(name, folders.status())};
  std::vector<FoundModel> found;
  const bool has_triton_config = !FileIn(folder, "config.pbtxt").empty();
  for (const std::string& version : VersionsAmong(*folders)) {
    found.push_back(LookAt(folder + "/" + version, name, version, config));
    found.back().has_triton_config = has_triton_config;
  }
  if (!found.empty()) return found;
  return {Nothing(name, absl::NotFoundError(NoVersionIn(folder, *folders)))};
}

// Of a file that lies where models' folders should: it is listed, so that
// nobody wonders where it is.
FoundModel Misplaced(const std::string& file) {
  const std::string name = ShownName(fs::path(file).stem().string());
  return Nothing(name, absl::NotFoundError(absl::StrFormat(
                           "%s is a file; move it to %s/1/model%s",
                           ShownName(file), name, EndingOf(file))));
}

}  // namespace

bool IsModelName(const std::string& name) {
  if (name.empty() || name.size() > kModelNameBytesMax ||
      !absl::ascii_isalnum(name.front()) ||
      name.find("..") != std::string::npos) {
    return false;
  }
  return std::all_of(name.begin(), name.end(), IsOfName);
}

absl::StatusOr<std::vector<FoundModel>> ScanRepository(
    const std::string& repository) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   FoldersIn(repository, repository));
  std::vector<FoundModel> all;
  for (const std::string& name : names) {
    std::vector<FoundModel> versions =
        VersionsOf(repository + "/" + name, name);
    if (!IsModelName(name)) Misname(versions);
    for (FoundModel& found : versions) all.push_back(std::move(found));
  }
  std::set<std::string> taken(names.begin(), names.end());
  for (const std::string& file : ModelFilesIn(repository)) {
    FoundModel found = Misplaced(file);
    if (taken.insert(found.name).second) all.push_back(std::move(found));
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.name < b.name;  // Shown names are not in the folders' order.
  });
  return all;
}

}  // namespace layerd
