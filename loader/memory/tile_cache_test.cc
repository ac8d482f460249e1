#include "loader/memory/tile_cache.h"

#include <deque>
#include <random>
#include <set>

#include "test/catch/catch.h"

namespace layerd {
namespace {

constexpr uint64_t kTile = 4096;

struct Fixture {
  explicit Fixture(size_t places, size_t tiles)
      : bytes(places * kTile), cache(bytes, kTile, tiles) {}

  // Whether it had to be read; then it was.
  bool Missed(uint32_t tile) {
    const auto place = cache.Take(tile);
    REQUIRE(place);
    if (place->missing) cache.Arrived(tile);
    return place->missing;
  }

  std::vector<std::byte> bytes;
  TileCache cache;
};

TEST_CASE("A tile is read once while it is there") {
  Fixture f(4, 100);

  CHECK(f.Missed(7));
  f.cache.BeginTurn();
  CHECK_FALSE(f.Missed(7));
  CHECK(f.cache.bytes(7).data() == f.bytes.data());
}

TEST_CASE("Tiles that come first lie in the order of asking") {
  Fixture f(4, 100);

  for (const uint32_t tile : {50, 51, 52}) f.Missed(tile);

  CHECK(f.cache.bytes(51).data() == f.bytes.data() + kTile);
  CHECK(f.cache.bytes(52).data() == f.bytes.data() + 2 * kTile);
}

TEST_CASE("The tile asked for longest ago gives its place") {
  Fixture f(2, 100);
  f.Missed(1);
  f.Missed(2);
  f.cache.BeginTurn();
  f.Missed(1);

  CHECK(f.Missed(3));

  f.cache.BeginTurn();
  CHECK_FALSE(f.Missed(1));
  CHECK(f.Missed(2));
}

TEST_CASE("A turn keeps what it asked for, and is refused what is more") {
  Fixture f(2, 100);
  f.Missed(1);
  f.Missed(2);

  CHECK_FALSE(f.cache.Take(3));
  CHECK_FALSE(f.Missed(1));

  f.cache.BeginTurn();
  CHECK(f.Missed(3));
}

TEST_CASE("What did not arrive is missing again, and asked for once a turn") {
  Fixture f(2, 100);

  CHECK(f.cache.Take(5)->missing);
  CHECK_FALSE(f.cache.Take(5)->missing);
  f.cache.BeginTurn();
  CHECK(f.cache.Take(5)->missing);
}

TEST_CASE("With a place for every tile nothing is read twice") {
  Fixture f(10, 10);
  for (uint32_t tile = 10; tile-- > 0;) CHECK(f.Missed(tile));

  f.cache.BeginTurn();

  for (uint32_t tile = 0; tile < 10; ++tile) CHECK_FALSE(f.Missed(tile));
}

TEST_CASE("More memory than the table has tiles stays unused") {
  Fixture f(10, 3);

  CHECK(f.cache.places() == 3);
}

// Against a list that is searched from end to end.
TEST_CASE("A cache holds exactly the tiles asked for last") {
  const uint32_t seed = GENERATE(range(0u, 20u));
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const size_t places = 1 + random() % 8;
  Fixture f(places, 20);
  std::deque<uint32_t> model;  // The newest first.
  std::set<uint32_t> turn;
  for (int i = 0; i < 500; ++i) {
    if (random() % 4 == 0) {
      f.cache.BeginTurn();
      turn.clear();
    }
    const uint32_t tile = random() % 20;
    const auto at = std::find(model.begin(), model.end(), tile);
    const bool there = at != model.end();
    const auto place = f.cache.Take(tile);
    if (!there && turn.size() == places) {
      CHECK_FALSE(place);
      continue;
    }
    REQUIRE(place);
    CHECK(place->missing == !there);
    if (place->missing) f.cache.Arrived(tile);
    if (there) model.erase(at);
    model.push_front(tile);
    if (model.size() > places) model.pop_back();
    turn.insert(tile);
  }
}

}  // namespace
}  // namespace layerd
