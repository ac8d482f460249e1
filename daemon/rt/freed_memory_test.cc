#include "daemon/rt/freed_memory.h"

#include <sys/resource.h>

#include <array>
#include <cstring>
#include <memory>

#include "test/catch/catch.h"

namespace layerd {
namespace {

constexpr size_t kPictureBytes = 600 << 10;
constexpr int kPages = kPictureBytes / 4096;

long PageFaults() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

// Three at a time that come and go.
[[maybe_unused]] long PageFaultsOfPictures(int times) {
  const long before = PageFaults();
  for (int i = 0; i < times; ++i) {
    std::array<std::unique_ptr<char[]>, 3> pictures;
    for (auto& picture : pictures) {
      picture = std::make_unique_for_overwrite<char[]>(kPictureBytes);
      std::memset(picture.get(), i + 1, kPictureBytes);
      asm volatile("" : : "r"(picture.get()) : "memory");
    }
  }
  return PageFaults() - before;
}

TEST_CASE("Buffers that come and go have their pages from the last time") {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  WARN("SKIPPED: a sanitizer has an allocator of its own");
#else
  KeepFreedMemory();
  PageFaultsOfPictures(1);
  CHECK(PageFaultsOfPictures(20) < kPages);
#endif
}

}  // namespace
}  // namespace layerd
