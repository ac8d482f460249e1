#include "daemon/rt/freed_memory.h"

#include <sys/resource.h>

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

// A buffer that comes and goes.
long PageFaultsOfPictures(int pictures) {
  const long before = PageFaults();
  for (int i = 0; i < pictures; ++i) {
    const auto picture = std::make_unique_for_overwrite<char[]>(kPictureBytes);
    std::memset(picture.get(), i + 1, kPictureBytes);
    asm volatile("" : : "r"(picture.get()) : "memory");
  }
  return PageFaults() - before;
}

TEST_CASE("A buffer that comes and goes has its pages from the last time") {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  SUCCEED("a sanitizer has an allocator of its own");
#else
  KeepFreedMemory();
  PageFaultsOfPictures(1);
  CHECK(PageFaultsOfPictures(20) < kPages);
#endif
}

}  // namespace
}  // namespace layerd
