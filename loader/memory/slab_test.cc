#include "loader/memory/slab.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <span>

#include "absl/status/status.h"
#include "loader/memory/available_memory.h"
#include "test/catch/catch.h"
#include "test/scratch/no_rights.h"

namespace layerd {
namespace {

// Of the mappings that hold `memory`, in KiB; -1 if /proc does not say.
int64_t SmapsKib(std::span<const std::byte> memory, const std::string& key) {
  std::ifstream smaps("/proc/self/smaps");
  const auto first = reinterpret_cast<uintptr_t>(memory.data());
  const uintptr_t last = first + memory.size() - 1;
  int64_t sum_kib = -1;
  bool holds = false;
  for (std::string line; std::getline(smaps, line);) {
    uintptr_t begin = 0, end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2) {
      holds = begin <= last && first < end;
    } else if (holds && line.rfind(key + ":", 0) == 0) {
      const int64_t kib = std::stoll(line.substr(key.size() + 1));
      sum_kib = std::max<int64_t>(sum_kib, 0) + kib;
    }
  }
  return sum_kib;
}

TEST_CASE("A slab is aligned, zeroed and writable to its last byte") {
  const size_t bytes = GENERATE(1, 4096, 200 << 10, 2 << 20, (5 << 20) + 1);
  auto slab = Slab::Allocate(bytes);
  REQUIRE(slab.ok());
  const std::span<std::byte> memory = (*slab)->memory();

  CHECK(memory.size() == (bytes + 4095) / 4096 * 4096);
  CHECK(reinterpret_cast<uintptr_t>(memory.data()) % (2 << 20) == 0);
  CHECK(std::all_of(memory.begin(), memory.end(),
                    [](std::byte byte) { return byte == std::byte{0}; }));
  memory.back() = std::byte{1};
}

TEST_CASE("A slab is there from the start, and costs what was asked for") {
  const size_t kib = GENERATE(200, 2048, 5000);
  auto slab = Slab::Allocate(kib << 10);
  REQUIRE(slab.ok());

  const int64_t rss_kib = SmapsKib((*slab)->memory(), "Rss");
  if (rss_kib < 0) {
    WARN("SKIPPED: no /proc/self/smaps here");
    return;
  }
  CHECK(rss_kib == static_cast<int64_t>(kib));
}

TEST_CASE("A slab that may not be locked says so and works") {
  const int code = ExitCodeWithoutRights([] {
    const rlimit none{0, 0};
    if (setrlimit(RLIMIT_MEMLOCK, &none) != 0) return 100;
    auto slab = Slab::Allocate(1 << 20);
    if (!slab.ok()) return 1;
    if ((*slab)->locked()) return 2;
    const auto& warnings = (*slab)->warnings();
    const bool says_so = std::any_of(
        warnings.begin(), warnings.end(), [](const std::string& line) {
          return line.find("ulimit -l") != std::string::npos;
        });
    return says_so ? 0 : 3;
  });
  CHECK(code == 0);
}

TEST_CASE("More memory than there is is refused with the number") {
  const size_t bytes = GENERATE(size_t{1} << 60, ~size_t{0});
  const auto slab = Slab::Allocate(bytes);

  REQUIRE(absl::IsResourceExhausted(slab.status()));
  CHECK_THAT(std::string(slab.status().message()),
             Catch::Contains(std::to_string(bytes)) &&
                 Catch::Contains("lower the memory budget"));
}

TEST_CASE("More than is free is refused before any of it is touched") {
  const auto available = AvailableMemoryBytes();
  REQUIRE(available.has_value());
  const size_t bytes = 2 * *available;
  auto slab = Slab::Reserve(bytes);
  REQUIRE(slab.ok());
  REQUIRE((*slab)->Resize(4096).ok());

  const absl::Status status = (*slab)->Resize(bytes);

  REQUIRE(absl::IsResourceExhausted(status));
  CHECK_THAT(std::string(status.message()), Catch::Contains(" are free"));
  CHECK((*slab)->memory().size() == 4096);
}

}  // namespace
}  // namespace layerd
