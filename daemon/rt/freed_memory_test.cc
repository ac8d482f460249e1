#include "daemon/rt/freed_memory.h"

#include <malloc.h>
#include <sys/resource.h>

#include <array>
#include <barrier>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "test/catch/catch.h"

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define LAYERD_GLIBC_ALLOCATES
#endif

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

[[maybe_unused]] size_t KeptBytes() { return mallinfo2().fordblks; }

// What `threads` of them, all there at once, have freed and the process kept.
[[maybe_unused]] size_t KeptAfterPicturesOf(int threads) {
  std::barrier all_have_some(threads);
  std::vector<std::jthread> owners;
  for (int i = 0; i < threads; ++i) {
    owners.emplace_back([&all_have_some] {
      const std::vector<char> pictures(3 * kPictureBytes, 1);
      all_have_some.arrive_and_wait();
    });
  }
  owners.clear();
  return KeptBytes();
}

#if !defined(LAYERD_GLIBC_ALLOCATES)
TEST_CASE("Freed memory") {
  WARN("SKIPPED: a sanitizer has an allocator of its own");
}
#else
TEST_CASE("Buffers that come and go have their pages from the last time") {
  KeepFreedMemory();
  PageFaultsOfPictures(1);
  CHECK(PageFaultsOfPictures(20) < kPages);
}

TEST_CASE("What is kept does not grow with the threads") {
  KeepFreedMemory();
  const size_t kept = KeptAfterPicturesOf(32);
  INFO(kept);
  // Four heaps' two MiB, and what they need for their own books.
  CHECK(kept < (10 << 20));
}

TEST_CASE("What is kept is given back when it is asked for") {
  KeepFreedMemory();
  PageFaultsOfPictures(1);
  ReturnFreedMemory();
  CHECK(PageFaultsOfPictures(1) > kPages);
}
#endif

}  // namespace
}  // namespace layerd
