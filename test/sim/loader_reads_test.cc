// Which reads the drive sees: joined, split, and in whose turn.

#include <deque>

#include "loader/loader.h"
#include "test/catch/catch.h"
#include "test/sim/loader_fixture.h"
#include "test/sim/sim_io_engine.h"

namespace layerd {
namespace {

constexpr uint64_t kKib = 1024;

std::vector<uint64_t> SizesOf(const std::vector<ReadRequest>& history) {
  std::vector<uint64_t> sizes;
  for (const ReadRequest& read : history) sizes.push_back(read.into.size());
  return sizes;
}

// Starts a job on a drive that holds, and tells what it was asked.
std::vector<uint64_t> SizesAsked(const RandomWeights& weights,
                                 const std::vector<StreamRead>& reads,
                                 size_t ring_bytes, uint64_t read_bytes_max,
                                 size_t expected_reads) {
  RingInSlab ring(ring_bytes);
  SimIoEngine engine(1, 16);
  RunningLoader loader(
      &engine, {.reads_in_flight = 16, .read_bytes_max = read_bytes_max});
  WeightStream stream(reads.size());
  engine.Hold();
  loader->Start(&stream, {&weights.file(), reads, &ring.ring});
  engine.AwaitInFlight(expected_reads);
  engine.LetGo();
  const bool well = stream.Wait(reads.size() - 1).ok();
  loader->Stop(&stream);
  CHECK(well);
  return SizesOf(engine.history());
}

TEST_CASE("Neighbours in file and memory are read together, up to the limit") {
  RandomWeights weights(1, std::vector<uint64_t>(6, 24 * kKib), 8 * kKib);
  const auto sizes =
      SizesAsked(weights, ReadAll(weights), 160 * kKib, 64 * kKib, 3);
  CHECK(sizes == std::vector<uint64_t>{64 * kKib, 64 * kKib, 16 * kKib});
}

TEST_CASE("An extent larger than a read is split between tiles") {
  RandomWeights weights(1, {100 * kKib}, 16 * kKib);
  const auto sizes =
      SizesAsked(weights, ReadAll(weights), 100 * kKib, 40 * kKib, 3);
  CHECK(sizes == std::vector<uint64_t>{32 * kKib, 32 * kKib, 36 * kKib});
}

TEST_CASE("A read is at least a tile, however small the limit") {
  RandomWeights weights(1, {48 * kKib}, 16 * kKib);
  const auto sizes = SizesAsked(weights, ReadAll(weights), 48 * kKib, 1, 3);
  CHECK(sizes == std::vector<uint64_t>(3, 16 * kKib));
}

TEST_CASE("Extents that are apart in the file are read apart") {
  RandomWeights weights(1, std::vector<uint64_t>(6, 16 * kKib), 16 * kKib);
  const std::vector<StreamRead> reads = {
      {.extent = 0}, {.extent = 2}, {.extent = 3}, {.extent = 3}};
  const auto sizes = SizesAsked(weights, reads, 64 * kKib, 1 << 20, 3);
  CHECK(sizes == std::vector<uint64_t>{16 * kKib, 32 * kKib, 16 * kKib});
}

TEST_CASE("The seam of the ring parts a read") {
  RandomWeights weights(1, {24 * kKib, 16 * kKib, 24 * kKib}, 8 * kKib);
  RingInSlab ring(48 * kKib);
  SimIoEngine engine(1);
  RunningLoader loader(&engine, {});
  WeightStream stream(3);
  const auto reads = ReadAll(weights);
  loader->Start(&stream, {&weights.file(), reads, &ring.ring});
  for (size_t i = 0; i < 3; ++i) {
    REQUIRE(stream.Wait(i).ok());
    CHECK(Same(*stream.Wait(i), weights.bytes(i)));
    stream.Release(i);
  }
  loader->Stop(&stream);
  CHECK(SizesOf(engine.history()) ==
        std::vector<uint64_t>{40 * kKib, 24 * kKib});
}

TEST_CASE("Room waits until it is worth a read, or the executor for weights") {
  RandomWeights weights(1, std::vector<uint64_t>(16, 16 * kKib), 16 * kKib);
  RingInSlab ring(128 * kKib);
  SimIoEngine engine(1);
  RunningLoader loader(&engine, {});
  WeightStream stream(16);
  const auto reads = ReadAll(weights);
  loader->Start(&stream, {&weights.file(), reads, &ring.ring});
  REQUIRE(stream.Wait(7).ok());
  CHECK(SizesOf(engine.history()).back() == 128 * kKib);

  stream.Release(0);
  stream.Release(1);  // A quarter of the ring.
  REQUIRE(stream.Wait(9).ok());
  CHECK(SizesOf(engine.history()).back() == 32 * kKib);
  stream.Release(2);
  REQUIRE(stream.Wait(10).ok());
  CHECK(SizesOf(engine.history()).back() == 16 * kKib);
  loader->Stop(&stream);
}

// Tiles 3, 4 and 9 of an extent of sixteen, into memory that is in one piece.
std::vector<StreamRead> ThreeTiles(std::span<std::byte> memory) {
  std::vector<StreamRead> reads;
  for (const uint32_t tile : {3u, 4u, 9u}) {
    reads.push_back({.extent = 0,
                     .resident = memory.subspan(reads.size() * 4096, 4096),
                     .tile = tile});
  }
  return reads;
}

TEST_CASE("Single tiles are read alone, neighbours together") {
  RandomWeights weights(1, {16 * 4096}, 4096);
  const auto slab = *Slab::Allocate(3 * 4096);
  const std::vector<StreamRead> reads = ThreeTiles(slab->memory());

  CHECK(SizesAsked(weights, reads, 4096, 1 << 20, 2) ==
        std::vector<uint64_t>{8192, 4096});

  for (size_t i = 0; i < reads.size(); ++i) {
    CHECK(Same(reads[i].resident,
               weights.bytes(0).subspan(*reads[i].tile * 4096, 4096)));
  }
}

TEST_CASE("A lookup reads before the streams of its level") {
  RandomWeights weights(1, {16 * 4096}, 4096);
  const auto slab = *Slab::Allocate(3 * 4096);
  const std::vector<StreamRead> tiles = ThreeTiles(slab->memory());
  const auto all = ReadAll(weights);
  RingInSlab rings[] = {RingInSlab(64 * kKib), RingInSlab(64 * kKib)};
  SimIoEngine engine(1, 1);
  RunningLoader loader(&engine, {.read_bytes_max = 64 * kKib});
  WeightStream urgent(1), stream(1), lookup(3);

  // The first occupies the drive until all others are there.
  engine.Hold();
  loader->Start(&urgent, {&weights.file(), all, &rings[0].ring, 1});
  engine.AwaitInFlight(1);
  loader->Start(&stream, {&weights.file(), all, &rings[1].ring, 2});
  loader->Start(
      &lookup,
      {.file = &weights.file(), .reads = tiles, .level = 2, .lookup = true});
  engine.LetGo();
  REQUIRE(stream.Wait(0).ok());
  REQUIRE(lookup.Wait(2).ok());

  CHECK(SizesOf(engine.history()) ==
        std::vector<uint64_t>{16 * 4096, 2 * 4096, 4096, 16 * 4096});
  CHECK(loader->stats().lookups == 2);
  for (WeightStream* each : {&urgent, &stream, &lookup}) loader->Stop(each);
}

TEST_CASE("The most urgent job reads first, equals in the order of starting") {
  RandomWeights weights(1, std::vector<uint64_t>(4, 16 * kKib), 16 * kKib);
  const auto reads = ReadAll(weights);
  RingInSlab rings[] = {RingInSlab(16 * kKib), RingInSlab(64 * kKib),
                        RingInSlab(64 * kKib), RingInSlab(64 * kKib)};
  const int levels[] = {1, 3, 2, 2};
  SimIoEngine engine(1, 1);
  RunningLoader loader(
      &engine, {.read_bytes_max = 64 * kKib, .inflight_low_bytes = 64 * kKib});
  std::deque<WeightStream> streams;

  // The first occupies the drive until all others are there.
  engine.Hold();
  for (size_t i = 0; i < 4; ++i) {
    streams.emplace_back(4);
    loader->Start(&streams[i],
                  {&weights.file(), std::span(reads).first(i == 0 ? 1 : 4),
                   &rings[i].ring, levels[i]});
    engine.AwaitInFlight(1);
  }
  engine.LetGo();
  for (size_t i = 0; i < 4; ++i) REQUIRE(streams[i].Wait(i == 0 ? 0 : 3).ok());

  std::vector<size_t> order;
  for (const ReadRequest& read : engine.history()) {
    for (size_t i = 0; i < 4; ++i) {
      if (read.into.data() == rings[i].slab->memory().data()) {
        order.push_back(i);
      }
    }
  }
  CHECK(order == std::vector<size_t>{0, 2, 3, 1});
  for (WeightStream& stream : streams) loader->Stop(&stream);
}

TEST_CASE("Jobs below the most urgent have few bytes in flight") {
  const uint64_t low_bytes = GENERATE(1, 32 * kKib, 48 * kKib);
  RandomWeights weights(1, std::vector<uint64_t>(16, 16 * kKib), 16 * kKib);
  const auto reads = ReadAll(weights);
  RingInSlab urgent_ring(16 * kKib), low_ring(256 * kKib);
  SimIoEngine engine(1, 8);
  RunningLoader loader(&engine,
                       {.reads_in_flight = 8, .inflight_low_bytes = low_bytes});
  WeightStream urgent(16), low(16);

  // Its ring is full, and it is still the most urgent that reads.
  loader->Start(&urgent, {&weights.file(), reads, &urgent_ring.ring, 1});
  REQUIRE(urgent.Wait(0).ok());
  loader->Start(&low, {&weights.file(), reads, &low_ring.ring, 2});
  REQUIRE(low.Wait(15).ok());

  CHECK(engine.bytes_in_flight_max() == std::max(low_bytes, 16 * kKib));
  loader->Stop(&low);
  loader->Stop(&urgent);
}

TEST_CASE("What is read ahead has few bytes in flight, until its job comes") {
  RandomWeights weights(1, std::vector<uint64_t>(16, 16 * kKib), 16 * kKib);
  const auto reads = ReadAll(weights);
  RingInSlab ring(256 * kKib);
  SimIoEngine engine(1, 8);
  RunningLoader loader(&engine, {.reads_in_flight = 8,
                                 .read_bytes_max = 16 * kKib,
                                 .inflight_low_bytes = 32 * kKib});
  WeightStream stream(16);
  engine.Hold();
  loader->Start(&stream, {.file = &weights.file(),
                          .reads = reads,
                          .ring = &ring.ring,
                          .level = 5,
                          .low = true});
  engine.AwaitInFlight(2);
  CHECK(engine.bytes_in_flight_max() == 32 * kKib);
  loader->Raise(&stream, 1, /*low=*/false);
  engine.LetGo();
  REQUIRE(stream.Wait(15).ok());
  CHECK(engine.bytes_in_flight_max() > 32 * kKib);
  loader->Stop(&stream);
}

}  // namespace
}  // namespace layerd
