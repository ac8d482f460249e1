#include "daemon/engine/packed_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <compare>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "config/byte_size.h"
#include "daemon/rt/log.h"
#include "loader/store/atomic_file.h"

namespace layerd {
namespace {

constexpr char kEnding[] = ".layers";
constexpr char kLeftBehind[] = ".layers.tmp-";

struct Moment {
  time_t s;
  long ns;
  auto operator<=>(const Moment&) const = default;
};

Moment MomentOf(const timespec& time) { return {time.tv_sec, time.tv_nsec}; }

struct CachedFile {
  std::string path;
  uint64_t bytes;
  Moment used;
};

// The one used longest ago first.
std::vector<CachedFile> LayerFilesIn(const std::string& folder) {
  std::vector<CachedFile> files;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end;
       !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    // As who uses it writes it, also where the folder ends with a slash.
    const std::string path = absl::StrCat(folder, "/", name);
    if (name.find(kLeftBehind) != std::string::npos) {
      RemoveIfLeftBehind(path);
    }
    struct stat there;
    if (!path.ends_with(kEnding) || lstat(path.c_str(), &there) != 0 ||
        !S_ISREG(there.st_mode)) {
      continue;
    }
    files.push_back(
        {path, static_cast<uint64_t>(there.st_size),
         std::max(MomentOf(there.st_atim), MomentOf(there.st_mtim))});
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) {
    return a.used != b.used ? a.used < b.used : a.path < b.path;
  });
  return files;
}

}  // namespace

void MarkUsed(const std::string& layer_file) {
  utimensat(AT_FDCWD, layer_file.c_str(), nullptr, 0);
}

uint64_t TrimCache(const std::string& folder, uint64_t bytes_max,
                   const std::set<std::string>& in_use) {
  const std::vector<CachedFile> files = LayerFilesIn(folder);
  uint64_t bytes = 0;
  for (const CachedFile& file : files) bytes += file.bytes;
  for (const CachedFile& file : files) {
    if (bytes <= bytes_max) break;
    if (in_use.contains(file.path) || unlink(file.path.c_str()) != 0) continue;
    bytes -= file.bytes;
    LogInfo(absl::StrCat("cache: ", file.path, " goes (",
                         FormatByteSize(file.bytes), ", cache.max_bytes)"));
  }
  return bytes;
}

}  // namespace layerd
