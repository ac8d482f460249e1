#include "loader/memory/available_memory.h"

#include <filesystem>
#include <fstream>

#include "test/catch/catch.h"
#include "test/scratch/scratch_folder.h"

namespace layerd {
namespace {

constexpr uint64_t kMiB = 1 << 20;

class Root {
 public:
  void Write(const std::string& path, const std::string& words) {
    const std::filesystem::path at = folder_.path() + path;
    std::filesystem::create_directories(at.parent_path());
    std::ofstream(at) << words;
  }
  void WriteAvailable(uint64_t bytes) {
    Write("/proc/meminfo",
          "MemTotal: 99999999 kB\nMemFree: 1 kB\nMemAvailable: " +
              std::to_string(bytes >> 10) + " kB\n");
  }
  std::optional<uint64_t> Available() const {
    return AvailableMemoryBytes(folder_.path());
  }

 private:
  ScratchFolder folder_;
};

TEST_CASE("Where nothing is said nothing is known") {
  CHECK(Root().Available() == std::nullopt);
}

TEST_CASE("Without groups it is what the machine has") {
  Root root;
  root.WriteAvailable(64 * kMiB);
  CHECK(root.Available() == 64 * kMiB);
}

TEST_CASE(
    "A group's limit counts if it leaves less, and its page cache is free") {
  Root root;
  root.WriteAvailable(64 * kMiB);
  root.Write("/proc/self/cgroup", "0::/pod/box\n");
  const std::string box = "/sys/fs/cgroup/pod/box/";
  root.Write(box + "memory.current", std::to_string(20 * kMiB));
  root.Write(box + "memory.stat", "anon 1\nfile " + std::to_string(5 * kMiB));

  root.Write(box + "memory.max", "max\n");
  CHECK(root.Available() == 64 * kMiB);
  root.Write(box + "memory.max", std::to_string(30 * kMiB));
  CHECK(root.Available() == 15 * kMiB);
  root.Write(box + "memory.max", std::to_string(99 * kMiB));
  CHECK(root.Available() == 64 * kMiB);

  SECTION("so does that of a group around it") {
    root.Write("/sys/fs/cgroup/pod/memory.max", std::to_string(22 * kMiB));
    root.Write("/sys/fs/cgroup/pod/memory.current", std::to_string(21 * kMiB));
    CHECK(root.Available() == kMiB);
  }
  SECTION("who has more than the limit may take nothing") {
    root.Write(box + "memory.max", std::to_string(kMiB));
    CHECK(root.Available() == 0);
  }
}

TEST_CASE("Groups of version 1 have other names") {
  Root root;
  root.WriteAvailable(64 * kMiB);
  root.Write("/proc/self/cgroup", "5:cpu,cpuacct:/box\n4:memory:/box\n0::/\n");
  const std::string box = "/sys/fs/cgroup/memory/box/";
  root.Write(box + "memory.usage_in_bytes", std::to_string(8 * kMiB));
  root.Write(box + "memory.limit_in_bytes", std::to_string(9 * kMiB));
  CHECK(root.Available() == kMiB);
}

TEST_CASE("This machine says something, and no more than it has") {
  const auto bytes = AvailableMemoryBytes();
  REQUIRE(bytes.has_value());
  CHECK(*bytes > kMiB);
  CHECK(*bytes < uint64_t{1} << 50);
}

}  // namespace
}  // namespace layerd
