#include "loader/memory/weight_ring.h"

#include <deque>
#include <memory>
#include <random>

#include "test/catch/catch.h"

namespace layerd {
namespace {

constexpr size_t kPage = 4096;

struct Memory {
  explicit Memory(size_t pages)
      : bytes(static_cast<std::byte*>(std::aligned_alloc(kPage, pages * kPage)),
              &std::free),
        span(bytes.get(), pages * kPage) {}

  std::unique_ptr<std::byte, void (*)(void*)> bytes;
  std::span<std::byte> span;
};

TEST_CASE("A ring gives rooms one after the other until it is full") {
  Memory memory(4);
  WeightRing ring(memory.span);

  const auto first = ring.TryTake(kPage);
  const auto second = ring.TryTake(3 * kPage);

  REQUIRE(first);
  REQUIRE(second);
  CHECK(first->bytes.data() == memory.span.data());
  CHECK(second->bytes.data() == memory.span.data() + kPage);
  CHECK_FALSE(ring.TryTake(kPage));
}

TEST_CASE("A ring tells how many rooms must come back for more room") {
  Memory memory(8);
  WeightRing ring(memory.span);
  CHECK(ring.free_bytes() == 8 * kPage);
  for (int room = 0; room < 3; ++room) REQUIRE(ring.TryTake(2 * kPage));

  CHECK(ring.free_bytes() == 2 * kPage);
  CHECK(ring.HasRoom(2 * kPage));
  CHECK_FALSE(ring.HasRoom(3 * kPage));  // It would cross the end.
  CHECK(ring.ReturnedWhenFree(2 * kPage, 2 * kPage) == 0);
  CHECK(ring.ReturnedWhenFree(kPage, 4 * kPage) == 1);
  const uint64_t returned = ring.ReturnedWhenFree(3 * kPage, kPage);
  CHECK(returned == 2);
  while (ring.returned() < returned) {
    CHECK_FALSE(ring.HasRoom(3 * kPage));
    ring.ReturnOldest();
  }
  CHECK(ring.HasRoom(3 * kPage));
}

TEST_CASE("An extent that would cross the end starts again at 0") {
  Memory memory(4);
  WeightRing ring(memory.span);
  REQUIRE(ring.TryTake(3 * kPage));
  CHECK_FALSE(ring.TryTake(2 * kPage));

  ring.ReturnOldest();
  const auto room = ring.TryTake(2 * kPage);

  REQUIRE(room);
  CHECK(room->begin_bytes == 4 * kPage);
  CHECK(room->bytes.data() == memory.span.data());
  // The skipped page is lost for this lap.
  CHECK(ring.TryTake(2 * kPage));
  CHECK_FALSE(ring.TryTake(kPage));
}

TEST_CASE("An empty ring has room for an extent of its own size anywhere") {
  Memory memory(4);
  WeightRing ring(memory.span);
  for (int i = 0; i < 10; ++i) {
    REQUIRE(ring.TryTake(kPage));
    ring.ReturnOldest();
    REQUIRE(ring.TryTake(4 * kPage));
    ring.ReturnOldest();
  }
}

TEST_CASE("Discarded rooms can be taken again, newest first") {
  Memory memory(4);
  WeightRing ring(memory.span);
  const auto kept = ring.TryTake(kPage);
  const auto older = ring.TryTake(kPage);
  const auto newer = ring.TryTake(2 * kPage);

  ring.Discard(*newer);
  ring.Discard(*older);

  const auto room = ring.TryTake(3 * kPage);
  REQUIRE(room);
  CHECK(room->bytes.data() == memory.span.data() + kPage);
  CHECK_FALSE(ring.empty());
  ring.Discard(*room);
  ring.Discard(*kept);
  CHECK(ring.empty());
}

// The model: rooms as a list, each with the bytes it covers.
TEST_CASE("Rooms that are out never overlap") {
  const uint32_t seed = GENERATE(range(0u, 50u));
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const size_t pages = 4 + random() % 29;
  Memory memory(pages);
  WeightRing ring(memory.span);
  std::deque<Room> out;

  for (int step = 0; step < 2000; ++step) {
    const uint32_t dice = random() % 10;
    if (dice < 5) {
      const size_t bytes = (1 + random() % pages) * kPage;
      const auto room = ring.TryTake(bytes);
      if (!room) {
        REQUIRE_FALSE(out.empty());
        continue;
      }
      REQUIRE(room->bytes.size() == bytes);
      REQUIRE(room->bytes.data() >= memory.span.data());
      REQUIRE(room->bytes.data() + bytes <= memory.span.data() + pages * kPage);
      for (const Room& other : out) {
        REQUIRE(
            (other.bytes.data() + other.bytes.size() <= room->bytes.data() ||
             room->bytes.data() + bytes <= other.bytes.data()));
      }
      out.push_back(*room);
    } else if (dice < 9) {
      if (out.empty()) continue;
      ring.ReturnOldest();
      out.pop_front();
    } else {
      for (; !out.empty() && random() % 3; out.pop_back()) {
        ring.Discard(out.back());
      }
    }
    REQUIRE(ring.empty() == out.empty());
  }
}

}  // namespace
}  // namespace layerd
