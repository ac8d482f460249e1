#include "daemon/plan/arena_space.h"

#include <algorithm>
#include <random>
#include <vector>

#include "test/catch/catch.h"

namespace layerd {
namespace {

// The same in as many steps as something is taken.
class PlainSpace {
 public:
  uint64_t BestFit(const Lifetime& life, uint64_t bytes) const {
    uint64_t best = 0, best_gap = ~uint64_t{0}, free_from = 0;
    for (const Taken& other : taken_) {
      if (!other.life.Meets(life)) continue;
      if (other.begin >= free_from + bytes &&
          other.begin - free_from < best_gap) {
        best = free_from;
        best_gap = other.begin - free_from;
      }
      free_from = std::max(free_from, other.end);
    }
    return best_gap == ~uint64_t{0} ? free_from : best;
  }

  void Take(const Lifetime& life, DisjointRanges::Span range) {
    const auto above = std::partition_point(
        taken_.begin(), taken_.end(),
        [&](const Taken& other) { return other.begin <= range.begin; });
    taken_.insert(above, {range.begin, range.end, life});
  }

 private:
  struct Taken {
    uint64_t begin, end;
    Lifetime life;
  };
  std::vector<Taken> taken_;  // From the lowest.
};

std::vector<Lifetime> RandomLives(std::mt19937& random) {
  const size_t parts = 1 + random() % 60, length = 1 + random() % parts;
  std::vector<Lifetime> lives(1 + random() % 80);
  for (Lifetime& life : lives) {
    life.first = random() % parts;
    life.last = std::min(parts - 1, life.first + random() % length);
  }
  return lives;
}

TEST_CASE("Every place is that of a search through all that is taken") {
  for (uint32_t seed = 0; seed < 2000; ++seed) {
    std::mt19937 random(seed);
    const std::vector<Lifetime> lives = RandomLives(random);
    ArenaSpace space(lives);
    PlainSpace plain;
    const uint64_t bytes_max = 1 + random() % 20;
    for (const Lifetime& life : lives) {
      const uint64_t bytes = 1 + random() % bytes_max;
      const uint64_t begin = space.BestFit(life, bytes);
      INFO("seed " << seed);
      REQUIRE(begin == plain.BestFit(life, bytes));
      space.Take(life, {begin, begin + bytes});
      plain.Take(life, {begin, begin + bytes});
    }
  }
}

TEST_CASE("Ranges that touch become one") {
  DisjointRanges ranges;
  for (const uint64_t begin : {0, 20, 40, 60}) ranges.Add({begin, begin + 5});
  ranges.Add({25, 40});
  ranges.Add({3, 4});
  REQUIRE(ranges.ranges().size() == 3);
  CHECK(ranges.ranges()[1].begin == 20);
  CHECK(ranges.ranges()[1].end == 45);
}

}  // namespace
}  // namespace layerd
