#include "loader/memory/available_memory.h"

#include <algorithm>
#include <fstream>

namespace layerd {
namespace {

// The number behind `key`, or the first of the file if that is empty. None: it
// is not there, or not a number ("max").
std::optional<uint64_t> NumberIn(const std::string& path,
                                 const std::string& key) {
  std::ifstream file(path);
  for (std::string word; key.empty() || file >> word;) {
    if (word != key) continue;
    uint64_t number = 0;
    if (file >> number) return number;
    break;
  }
  return std::nullopt;
}

// What one version's files are called.
struct Version {
  const char* mount;  // Below it are the groups.
  const char* limit;
  const char* usage;
  const char* page_cache;  // A key of memory.stat.
};
constexpr Version kVersion1{"/sys/fs/cgroup/memory", "memory.limit_in_bytes",
                            "memory.usage_in_bytes", "total_cache"};
constexpr Version kVersion2{"/sys/fs/cgroup", "memory.max", "memory.current",
                            "file"};

// Of one group, the lowest of whose limits and those above it counts.
std::optional<uint64_t> LeftIn(const std::string& folder,
                               const Version& version) {
  const auto limit = NumberIn(folder + "/" + version.limit, "");
  const auto usage = NumberIn(folder + "/" + version.usage, "");
  if (!limit || !usage) return std::nullopt;
  const uint64_t cache =
      NumberIn(folder + "/memory.stat", version.page_cache).value_or(0);
  const uint64_t taken = *usage - std::min(*usage, cache);
  return *limit - std::min(*limit, taken);
}

void Lower(std::optional<uint64_t> left, std::optional<uint64_t>* least) {
  if (left) *least = std::min(least->value_or(*left), *left);
}

}  // namespace

std::optional<uint64_t> AvailableMemoryBytes(const std::string& root) {
  std::optional<uint64_t> least;
  if (auto kib = NumberIn(root + "/proc/meminfo", "MemAvailable:")) {
    least = *kib << 10;
  }
  // Lines like "4:memory:/group" and "0::/group".
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty() && controllers != "memory") continue;
    const Version& version = controllers.empty() ? kVersion2 : kVersion1;
    for (std::string group = line.substr(second + 1); !group.empty();) {
      Lower(LeftIn(root + version.mount + group, version), &least);
      group.resize(group.find_last_of('/'));
    }
    Lower(LeftIn(root + version.mount, version), &least);
  }
  return least;
}

}  // namespace layerd
