#include "daemon/plan/base_memory.h"

#include "test/catch/catch.h"

namespace layerd {
namespace {

constexpr uint64_t kKib = 1024, kMib = 1 << 20;

TEST_CASE("What a file lists is in the base of its model and its parts") {
  // Of the largest network there may be, in its manifest and in all.
  CHECK(BaseBytesOf(250'000, 250'000, 480 * kMib) ==
        6 * kMib + 250'000 * 4 * kKib);
  CHECK(BaseBytesOf(300, 6'000, 800 * kKib) == 6 * kMib + 300 * 4 * kKib);
}

TEST_CASE(
    "A million tensors of few parts are told, and so are a table's tiles") {
  CHECK(BaseBytesOf(10, 0, 512 * kMib) ==
        6 * kMib + 10 * 4 * kKib + 510 * kMib - 10 * 2 * kKib);
  CHECK(BaseBytesOf(0, kMib, 0) == 6 * kMib + 38 * kMib);
}

}  // namespace
}  // namespace layerd
