// Who reads when, step by step: what the loader looks at, and what it was not
// told of.

#include "config/limits.h"
#include "loader/loader.h"
#include "test/catch/catch.h"
#include "test/sim/cranked_engine.h"
#include "test/sim/loader_fixture.h"

namespace layerd {
namespace {

constexpr uint64_t kKib = 1024;

// Streams of eight extents of 16 KiB, each with a ring of its own.
struct Streams {
  StreamRequest Request(size_t stream, int level, bool low) {
    return {.file = &weights.file(),
            .reads = reads,
            .ring = &rings[stream].ring,
            .level = level,
            .low = low};
  }

  RandomWeights weights{1, std::vector<uint64_t>(8, 16 * kKib), 16 * kKib};
  std::vector<StreamRead> reads = ReadAll(weights);
  RingInSlab rings[3] = {RingInSlab(32 * kKib), RingInSlab(128 * kKib),
                         RingInSlab(128 * kKib)};
  WeightStream streams[3] = {WeightStream(8), WeightStream(8), WeightStream(8)};
};

// Its ring is full, so the loader sleeps, and looks at what is read ahead for
// others only when the job has read all.
TEST_CASE("A job that comes reads at once, whoever was on before it") {
  Streams f;
  WeightStream &on = f.streams[0], &expected = f.streams[1];
  CrankedEngine engine;
  Loader loader(&engine, {});
  engine.Run(&loader, {[&] { loader.Start(&on, f.Request(0, 2, true)); },
                       [&] {
                         CHECK(on.Arrived(1));
                         loader.Start(&expected,
                                      f.Request(1, kLevelsMax + 1, true));
                       },
                       [&] {
                         CHECK_FALSE(expected.Arrived(0));
                         loader.Raise(&expected, 1, /*low=*/false);
                       },
                       [&] {
                         CHECK(expected.Arrived(7));
                         loader.AskToStop(&on);
                         loader.AskToStop(&expected);
                       },
                       [&] {
                         loader.Stop(&on);
                         loader.Stop(&expected);
                       }});
}

TEST_CASE("Who finds all that it has room for wakes nobody") {
  Streams f;
  WeightStream& expected = f.streams[0];
  CrankedEngine engine;
  Loader loader(&engine, {});
  size_t looks = 0;
  engine.Run(
      &loader,
      {[&] { loader.Start(&expected, f.Request(0, kLevelsMax + 1, true)); },
       [&] {
         CHECK(expected.Arrived(1));
         looks = engine.looks();
         loader.Raise(&expected, 1, /*low=*/false);
       },
       [&] {
         CHECK(engine.looks() == looks);
         loader.AskToStop(&expected);
       },
       [&] { loader.Stop(&expected); }});
}

// A more urgent read would find the drive busy for twice as long.
TEST_CASE("What a stopped job left on its way is among the few low bytes") {
  Streams f;
  WeightStream &stopped = f.streams[1], &other = f.streams[2];
  CrankedEngine engine;
  Loader loader(&engine, {.inflight_low_bytes = 32 * kKib});
  engine.Run(&loader, {[&] {
                         engine.Hold();
                         loader.Start(&stopped, f.Request(1, 2, true));
                       },
                       [&] {
                         CHECK(engine.bytes_in_flight() == 32 * kKib);
                         loader.AskToStop(&stopped);
                         loader.Start(&other, f.Request(2, 3, true));
                       },
                       [&] {
                         CHECK(engine.bytes_in_flight() == 32 * kKib);
                         engine.LetGo();
                       },
                       [&] {
                         loader.Stop(&stopped);
                         CHECK(other.Arrived(7));
                         loader.AskToStop(&other);
                       },
                       [&] { loader.Stop(&other); }});
}

}  // namespace
}  // namespace layerd
