// The loader on a drive that keeps no order, with a thread of its own.

#include "loader/loader.h"

#include <random>
#include <thread>

#include "absl/status/status.h"
#include "test/catch/catch.h"
#include "test/sim/loader_fixture.h"
#include "test/sim/sim_io_engine.h"

namespace layerd {
namespace {

constexpr uint64_t kKib = 1024;

// What a seed stands for: a file, a program over it, a ring that can hold it.
struct RandomProgram {
  explicit RandomProgram(uint32_t seed)
      : random(seed),
        weights(seed, RandomExtents(), 4096u << random() % 3),
        ring(largest_bytes + random() % 24 * 4096) {
    const size_t count = 1 + random() % 40;
    uint32_t extent = 0;
    for (size_t i = 0; i < count; ++i) {
      // Mostly onwards; now and then back to one that was read before.
      extent = random() % 5 ? (extent + 1) % weights.extents()
                            : random() % weights.extents();
      reads.push_back({.extent = extent});
    }
    for (StreamRead& read : reads) {
      if (random() % 8) continue;
      resident.push_back(*Slab::Allocate(Bytes(read)));
      read.resident = resident.back()->memory();
      read.present = random() % 2;
      if (!read.present) continue;
      std::ranges::copy(weights.bytes(read.extent), read.resident.begin());
    }
    options = {.reads_in_flight = 1 + random() % 6,
               .read_bytes_max = 4096u << random() % 6,
               .inflight_low_bytes = 4096u << random() % 4};
  }

  std::vector<uint64_t> RandomExtents() {
    std::vector<uint64_t> extents(1 + random() % 24);
    for (uint64_t& bytes : extents) {
      bytes = (1 + random() % 12) * 4096;
      largest_bytes = std::max(largest_bytes, bytes);
    }
    return extents;
  }
  uint64_t Bytes(const StreamRead& read) const {
    return weights.bytes(read.extent).size();
  }
  StreamRequest Request() {
    return {.file = &weights.file(), .reads = reads, .ring = &ring.ring};
  }

  std::mt19937 random;
  uint64_t largest_bytes = 0;
  RandomWeights weights;
  RingInSlab ring;
  std::vector<StreamRead> reads;
  std::vector<std::unique_ptr<Slab>> resident;
  LoaderOptions options;
};

// An executor that holds extents as long as the ring allows, and compares each
// with the file when it comes and again when it goes.
class HoldingExecutor {
 public:
  HoldingExecutor(RandomProgram* program, WeightStream* stream)
      : program_(*program), stream_(*stream) {}

  void Execute(size_t reads) {
    for (size_t i = 0; i < reads; ++i) {
      MakeRoomFor(i);
      const auto bytes = stream_.Wait(i);
      REQUIRE(bytes.ok());
      REQUIRE(stream_.Arrived(i));
      REQUIRE(Same(*bytes, Expected(i)));
      held_.push_back({i, *bytes});
      if (program_.random() % 3) ReleaseAny();
      if (program_.random() % 4 == 0) std::this_thread::yield();
    }
  }

  void ReleaseAll() {
    while (!held_.empty()) ReleaseAny();
  }

 private:
  struct Held {
    size_t read;
    std::span<const std::byte> bytes;
  };

  // The window is what lies between the oldest room and read i; one extent
  // more may be lost to the seam.
  void MakeRoomFor(size_t i) {
    while (!held_.empty()) {
      uint64_t window_bytes = 0;
      size_t oldest = i;
      for (const Held& held : held_) oldest = std::min(oldest, held.read);
      for (size_t k = oldest; k <= i; ++k) {
        if (!program_.reads[k].resident.empty()) continue;
        window_bytes += program_.Bytes(program_.reads[k]);
      }
      if (window_bytes + program_.largest_bytes <=
          program_.ring.ring.capacity_bytes()) {
        return;
      }
      ReleaseAny();
    }
  }

  void ReleaseAny() {
    std::swap(held_[program_.random() % held_.size()], held_.back());
    REQUIRE(Same(held_.back().bytes, Expected(held_.back().read)));
    stream_.Release(held_.back().read);
    held_.pop_back();
  }

  std::span<const std::byte> Expected(size_t read) const {
    return program_.weights.bytes(program_.reads[read].extent);
  }

  RandomProgram& program_;
  WeightStream& stream_;
  std::vector<Held> held_;
};

TEST_CASE("Extents come in program order with the file's bytes") {
  const uint32_t seed = GENERATE(range(0u, 60u));
  INFO("seed " << seed);
  RandomProgram program(seed);
  SimIoEngine engine(seed, 1 + seed % 6);
  RunningLoader loader(&engine, program.options);
  WeightStream stream(program.reads.size());

  for (int job = 0; job < 3; ++job) {
    loader->Start(&stream, program.Request());
    HoldingExecutor executor(&program, &stream);
    executor.Execute(program.reads.size());
    executor.ReleaseAll();
    loader->Stop(&stream);
    REQUIRE(program.ring.ring.empty());
  }
  CHECK(loader->stats().retries == 0);
}

TEST_CASE("A job can be stopped at any point, and the ring serves the next") {
  const uint32_t seed = GENERATE(range(0u, 60u));
  INFO("seed " << seed);
  RandomProgram program(seed);
  SimIoEngine engine(seed, 1 + seed % 6);
  RunningLoader loader(&engine, program.options);
  WeightStream stream(program.reads.size());

  for (int job = 0; job < 8; ++job) {
    loader->Start(&stream, program.Request());
    HoldingExecutor executor(&program, &stream);
    executor.Execute(program.random() % program.reads.size());
    if (program.random() % 2) executor.ReleaseAll();
    loader->Stop(&stream);
    REQUIRE(engine.in_flight() == 0);
    REQUIRE(program.ring.ring.empty());
    program.ring.slab->memory()[0] = std::byte{0xAA};  // Ours again.
  }
  loader->Start(&stream, program.Request());
  HoldingExecutor executor(&program, &stream);
  executor.Execute(program.reads.size());
  loader->Stop(&stream);
}

TEST_CASE("Stop waits until the drive has let go of the memory") {
  RandomWeights weights(1, std::vector<uint64_t>(8, 16 * kKib), 4096);
  RingInSlab ring(128 * kKib);
  SimIoEngine engine(1, 4);
  RunningLoader loader(&engine, {.read_bytes_max = 16 * kKib});
  WeightStream stream(weights.extents());
  const auto reads = ReadAll(weights);

  engine.Hold();
  loader->Start(&stream, {&weights.file(), reads, &ring.ring});
  engine.AwaitInFlight(4);
  const size_t wakes = engine.wakes();
  std::thread drive([&] {
    engine.AwaitWakes(wakes + 1);  // Stop() has begun.
    engine.LetGo();
  });
  loader->Stop(&stream);

  CHECK(engine.in_flight() == 0);
  CHECK(ring.ring.empty());
  drive.join();
}

TEST_CASE("Who asks it to stop may go on until the bell rings") {
  RandomWeights weights(1, std::vector<uint64_t>(8, 16 * kKib), 4096);
  RingInSlab ring(128 * kKib);
  SimIoEngine engine(1, 4);
  Bell bell;
  RunningLoader loader(&engine, {.read_bytes_max = 16 * kKib});
  WeightStream stream(weights.extents()), other(weights.extents());
  const auto reads = ReadAll(weights);

  engine.Hold();
  loader->Start(&stream, {.file = &weights.file(),
                          .reads = reads,
                          .ring = &ring.ring,
                          .bell = &bell});
  engine.AwaitInFlight(4);
  loader->AskToStop(&stream);
  CHECK_FALSE(loader->MayStop(stream));
  engine.LetGo();
  for (uint32_t rung = bell.rung(); !loader->MayStop(stream);
       rung = bell.rung()) {
    bell.WaitFor(rung, Bell::kForEver);
  }
  CHECK(engine.in_flight() == 0);
  CHECK(engine.history().size() == 4);

  // Its place is its own until it was stopped.
  RingInSlab other_ring(128 * kKib);
  loader->Start(&other, {&weights.file(), reads, &other_ring.ring});
  REQUIRE(other.Wait(7).ok());
  loader->Stop(&stream);
  CHECK(ring.ring.empty());
  CHECK(Same(*other.Wait(7), weights.bytes(7)));
  loader->Stop(&other);
}

TEST_CASE("A ring of one extent streams any number of them") {
  RandomWeights weights(1, std::vector<uint64_t>(20, 64 * kKib), 16 * kKib);
  RingInSlab ring(64 * kKib);
  SimIoEngine engine(1);
  RunningLoader loader(&engine, {});
  WeightStream stream(weights.extents());
  const auto reads = ReadAll(weights);
  loader->Start(&stream, {&weights.file(), reads, &ring.ring});
  for (size_t i = 0; i < reads.size(); ++i) {
    const auto bytes = stream.Wait(i);
    REQUIRE(bytes.ok());
    CHECK(Same(*bytes, weights.bytes(i)));
    stream.Release(i);
  }
  CHECK(stream.read_bytes() == 20 * 64 * kKib);
  loader->Stop(&stream);
}

TEST_CASE("What is present is not read, and needs no loader") {
  RandomWeights weights(1, {16 * kKib, 8 * kKib}, 4096);
  RingInSlab ring(24 * kKib);
  std::vector<StreamRead> reads(2);
  reads[0] = {.extent = 0, .resident = ring.slab->memory().first(16 * kKib)};
  reads[1] = {.extent = 1, .resident = ring.slab->memory().subspan(16 * kKib)};
  SimIoEngine engine(1);
  WeightStream stream(2);
  {
    RunningLoader loader(&engine, {});
    loader->Start(&stream, {.file = &weights.file(), .reads = reads});
    REQUIRE(stream.Wait(1).ok());
    CHECK(Same(*stream.Wait(0), weights.bytes(0)));
    loader->Stop(&stream);
  }
  const size_t reads_before = engine.history().size();
  for (StreamRead& read : reads) read.present = true;

  Loader nobody_runs(&engine, {});
  nobody_runs.Start(&stream, {.file = &weights.file(), .reads = reads});
  CHECK(stream.Arrived(1));
  CHECK(Same(*stream.Wait(1), weights.bytes(1)));
  stream.Release(1);
  CHECK(stream.read_bytes() == 0);
  nobody_runs.Stop(&stream);
  CHECK(engine.history().size() == reads_before);
}

TEST_CASE("After a shutdown jobs hear UNAVAILABLE, and can be stopped") {
  RandomWeights weights(1, std::vector<uint64_t>(4, 16 * kKib), 16 * kKib);
  const auto reads = ReadAll(weights);
  RingInSlab ring(32 * kKib);
  SimIoEngine engine(1);
  RunningLoader loader(&engine, {});
  WeightStream before(4), after(4);
  loader->Start(&before, {&weights.file(), reads, &ring.ring});
  REQUIRE(before.Wait(1).ok());

  loader.Shutdown();

  CHECK(before.Wait(0).ok());
  CHECK(absl::IsUnavailable(before.Wait(3).status()));
  loader->Stop(&before);
  CHECK(ring.ring.empty());
  loader->Start(&after, {&weights.file(), reads, &ring.ring});
  CHECK(absl::IsUnavailable(after.Wait(0).status()));
  loader->Stop(&after);
}

TEST_CASE("A shutdown while an executor waits lets it go on") {
  const uint32_t seed = GENERATE(range(0u, 30u));
  RandomWeights weights(1, std::vector<uint64_t>(8, 16 * kKib), 16 * kKib);
  const auto reads = ReadAll(weights);
  RingInSlab ring(32 * kKib);
  SimIoEngine engine(seed);
  RunningLoader loader(&engine, {});
  std::thread other([&] { loader->Shutdown(); });
  WeightStream stream(8);
  loader->Start(&stream, {&weights.file(), reads, &ring.ring});
  for (size_t i = 0; i < 8; ++i) {
    const auto bytes = stream.Wait(i);
    if (!bytes.ok()) break;
    CHECK(Same(*bytes, weights.bytes(i)));
    stream.Release(i);
  }
  loader->Stop(&stream);
  other.join();
}

}  // namespace
}  // namespace layerd
