#include "daemon/rt/process_usage.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>

namespace layerd {
namespace {

// The number after `key`, which ends with a colon.
uint64_t NumberIn(const char* path, const std::string& key) {
  std::ifstream file(path);
  for (std::string word; file >> word;) {
    uint64_t number = 0;
    if (word == key && file >> number) return number;
    file.clear();
  }
  return 0;
}

// When the process began, in clock ticks since the machine did: field 22, and
// the name in field 2 may hold anything.
uint64_t StartTicks() {
  std::ifstream file("/proc/self/stat");
  file.ignore(std::numeric_limits<std::streamsize>::max(), ')');
  std::string word;
  for (int field = 3; field <= 22; ++field) file >> word;
  return word.empty() ? 0 : std::strtoull(word.c_str(), nullptr, 10);
}

double BootSeconds() {
  std::ifstream file("/proc/stat");
  for (std::string word; file >> word;) {
    double seconds = 0;
    if (word == "btime" && file >> seconds) return seconds;
    file.clear();
  }
  return 0;
}

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) +
         1e-6 * static_cast<double>(time.tv_usec);
}

}  // namespace

ProcessUsage UsageOfThisProcess() {
  ProcessUsage usage;
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  usage.cpu_seconds = Seconds(used.ru_utime) + Seconds(used.ru_stime);
  const char status[] = "/proc/self/status";
  const uint64_t huge_kib = NumberIn(status, "HugetlbPages:");
  usage.resident_bytes = 1024 * (NumberIn(status, "VmRSS:") + huge_kib);
  usage.peak_resident_bytes = 1024 * (NumberIn(status, "VmHWM:") + huge_kib);
  std::error_code error;
  std::filesystem::directory_iterator fds("/proc/self/fd", error);
  if (!error) {
    const auto open = std::distance(begin(fds), end(fds));
    usage.open_fds = static_cast<uint64_t>(open) - 1;  // One looks at them.
  }
  usage.start_seconds =
      BootSeconds() + static_cast<double>(StartTicks()) /
                          static_cast<double>(sysconf(_SC_CLK_TCK));
  return usage;
}

}  // namespace layerd
