#include "daemon/layerctl_path.h"

#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "daemon/rt/environment.h"

namespace layerd {

std::string LayerctlPath() {
  std::error_code error;
  const std::filesystem::path self =
      std::filesystem::read_symlink("/proc/self/exe", error);
  std::vector<std::string> candidates{self.parent_path() / "layerctl",
                                      self.parent_path() / "ctl/layerctl"};
  const std::string path = Environment("PATH");
  for (const auto folder : absl::StrSplit(path, ':', absl::SkipEmpty())) {
    candidates.push_back(absl::StrCat(folder, "/layerctl"));
  }
  for (const std::string& candidate : candidates) {
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return "layerctl";
}

}  // namespace layerd
