#include "test/scratch/scratch_folder.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "config/check.h"

namespace layerd {

ScratchFolder::ScratchFolder()
    : path_(std::filesystem::temp_directory_path() / "layerd-XXXXXX") {
  if (const char* folder = std::getenv("TEST_TMPDIR")) {
    path_ = std::string(folder) + "/layerd-XXXXXX";
  }
  LAYERD_CHECK(mkdtemp(path_.data()) != nullptr, path_);
}

ScratchFolder::~ScratchFolder() { std::filesystem::remove_all(path_); }

std::vector<std::string> ScratchFolder::Names() const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path_)) {
    names.push_back(entry.path().filename());
  }
  std::ranges::sort(names);
  return names;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  LAYERD_CHECK(file.good(), path);
  return {std::istreambuf_iterator<char>(file), {}};
}

void WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << bytes;
  file.close();
  LAYERD_CHECK(file.good(), path);
}

}  // namespace layerd
