#include "daemon/plan/ring_recurrence.h"

#include <random>

#include "absl/status/status.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

constexpr uint64_t kMiB = 1 << 20;

// Kept with what the case points to.
struct Network {
  std::vector<uint64_t> reads;
  std::vector<TimedPart> parts;

  RingCase On(double rate, uint64_t ring, uint64_t prefilled) const {
    RingCase c;
    c.reads_bytes = reads;
    c.parts = parts;
    c.drive_bytes_per_s = rate;
    c.ring_bytes = ring;
    c.prefilled_bytes = prefilled;
    return c;
  }
};

// A network made of residues, large enough to have seams and both kinds of
// bottleneck.
Network Residues() {
  Network network;
  for (uint64_t i = 0; i < 200; ++i) {
    const uint64_t bytes = (7919 * i % 13) * (1 + i / 50) * 32 * 1024;
    TimedPart part;
    part.seconds = static_cast<double>(104729 * i % 17) * 1e-4;
    if (bytes > 0) {
      part.read = static_cast<uint32_t>(network.reads.size());
      network.reads.push_back(bytes);
    }
    network.parts.push_back(part);
  }
  return network;
}

TEST_CASE("The recurrence and the bounds have the reference values") {
  const Network network = Residues();
  REQUIRE(network.reads.size() == 184);
  struct Row {
    uint64_t ring_mib, prefilled_mib;
    double last_ms, middle_ms, io_ms, capacity_ms, flow_ms;
  };
  const auto row = GENERATE(values<Row>({
      {2, 0, 252.687744, 83.798656, 195.635136, 213.814208, 215.902400},
      {2, 2, 252.556672, 83.667584, 191.440832, 213.814208, 215.771328},
      {8, 0, 202.948800, 79.331072, 195.635136, 201.231296, 201.362368},
      {8, 8, 202.817728, 79.200000, 178.857920, 201.231296, 201.231296},
      {32, 0, 195.635136, 79.331072, 195.635136, 150.899648, 195.635136},
      {32, 32, 158.600000, 79.200000, 158.6, 150.899648, 158.6},
  }));
  INFO("ring " << row.ring_mib << " MiB, prefilled " << row.prefilled_mib);
  const RingCase c =
      network.On(0.5e9, row.ring_mib * kMiB, row.prefilled_mib * kMiB);
  const auto finish = RingFinishTimes(c);
  REQUIRE(finish.ok());
  CHECK(1e3 * finish->back() == Approx(row.last_ms).epsilon(1e-9));
  CHECK(1e3 * (*finish)[99] == Approx(row.middle_ms).epsilon(1e-9));
  const LowerBounds bounds = AnyScheduleBounds(c, row.ring_mib * kMiB);
  CHECK(1e3 * bounds.compute_seconds == Approx(158.6).epsilon(1e-9));
  CHECK(1e3 * bounds.io_seconds == Approx(row.io_ms).epsilon(1e-9));
  CHECK(1e3 * bounds.capacity_seconds == Approx(row.capacity_ms).epsilon(1e-9));
  CHECK(1e3 * bounds.flow_seconds == Approx(row.flow_ms).epsilon(1e-9));
}

TEST_CASE("Held extents and blocking have the reference values") {
  Network held;
  const Network network = Residues();
  held.reads = network.reads;
  for (const TimedPart& part : network.parts) {
    const bool three = part.read && *part.read % 5 == 0;
    for (int k = 0; k < (three ? 3 : 1); ++k) {
      held.parts.push_back(
          {part.read, three ? part.seconds / 3 : part.seconds});
    }
  }
  struct Row {
    uint64_t ring_mib;
    double last_ms, blocked_ms;
  };
  const auto row = GENERATE(
      values<Row>({{4, 211.217728, 214.158432}, {16, 185.746880, 188.246880}}));
  RingCase c = held.On(0.5e9, row.ring_mib * kMiB, row.ring_mib * kMiB);
  CHECK(1e3 * RingFinishTimes(c)->back() == Approx(row.last_ms).epsilon(1e-9));
  c.block_read_seconds = 0.5e-3;
  c.block_compute_seconds = 1e-3;
  CHECK(1e3 * RingFinishTimes(c)->back() ==
        Approx(row.blocked_ms).epsilon(1e-9));
}

TEST_CASE("A part waits for the room of the one before, and a seam costs") {
  const Network network{{4, 4, 2}, {{0, 3}, {1, 1}, {2, 5}}};
  CHECK(*RingFinishTimes(network.On(1, 6, 0)) ==
        std::vector<double>{7, 12, 18});
  CHECK(*RingFinishTimes(network.On(1, 8, 0)) == std::vector<double>{7, 9, 15});
  const Network held{{2, 2, 2}, {{0, 1}, {1, 1}, {0, 1}, {2, 1}}};
  CHECK(*RingFinishTimes(held.On(1, 4, 0)) == std::vector<double>{3, 5, 6, 9});
}

TEST_CASE("With a copy stage a part waits for the copy of its extent") {
  const Network network{{4, 4, 4, 4}, {{0, 3}, {1, 3}, {2, 3}, {2, 3}, {3, 3}}};
  RingCase c = network.On(4, 100, 0);
  c.copy_bytes_per_s = 2;
  // Reads end at 1, 2, 3, 4. Copies at 3, 5, 8 (part 2 is enqueued when part 0
  // is done), and 14 (part 4 when part 2 is); held extents are copied once.
  CHECK(*RingFinishTimes(c) == std::vector<double>{6, 9, 12, 15, 18});
  c.copy_bytes_per_s = 1;
  CHECK(*RingFinishTimes(c) == std::vector<double>{8, 12, 16, 19, 23});
  const Network roomy = {{4}, {{0, 3}}};
  RingCase warm = roomy.On(4, 100, 100);
  warm.copy_bytes_per_s = 4;  // What is in the ring is not on the device.
  CHECK(*RingFinishTimes(warm) == std::vector<double>{4});
}

TEST_CASE("What cannot run in a ring is refused") {
  const Network large{{8}, {{0, 1}}};
  CHECK(absl::IsInvalidArgument(RingFinishTimes(large.On(1, 4, 0)).status()));
  const Network holds{{4, 4}, {{0, 1}, {1, 1}, {0, 1}}};
  CHECK_THAT(std::string(RingFinishTimes(holds.On(1, 4, 0)).status().message()),
             Catch::Contains("holds itself"));
  const Network unknown{{4}, {{3, 1}}};
  CHECK(!RingFinishTimes(unknown.On(1, 4, 0)).ok());
}

Network Random(uint32_t seed) {
  std::mt19937 random(seed);
  const auto below = [&random](uint32_t n) { return random() % n; };
  Network network;
  const uint32_t reads = 1 + below(24);
  for (uint32_t i = 0; i < reads; ++i) {
    network.reads.push_back(1 + below(8));
    const uint32_t users = below(4) == 0 ? 3 : 1;
    for (uint32_t k = 0; k < users; ++k) {
      network.parts.push_back({i, below(4000) / 1000.0});
    }
    if (below(3) == 0) network.parts.push_back({{}, below(1000) / 1000.0});
  }
  return network;
}

TEST_CASE("No copy stage makes a job earlier, and none beats the bounds") {
  for (uint32_t seed = 0; seed < 1000; ++seed) {
    INFO("seed " << seed);
    const Network network = Random(seed);
    RingCase c = network.On(1, 8 + seed % 20, 0);
    const double without = RingFinishTimes(c)->back();
    c.copy_bytes_per_s = 0.5 * (1 + seed % 5);
    const double with = RingFinishTimes(c)->back();
    CHECK(with >= without - 1e-9);
    CHECK(with >= AnyScheduleBounds(c, c.ring_bytes).io_seconds - 1e-9);
  }
}

TEST_CASE("No ring beats the bounds, and a roomy warm one only computes") {
  for (uint32_t seed = 0; seed < 4000; ++seed) {
    INFO("seed " << seed);
    const Network network = Random(seed);
    const uint64_t ring = 8 + seed % 20;
    const RingCase c = network.On(1, ring, seed % 2 == 0 ? 0 : ring);
    const auto finish = RingFinishTimes(c);
    REQUIRE(finish.ok());
    const LowerBounds bounds = AnyScheduleBounds(c, ring);
    CHECK(finish->back() >= bounds.compute_seconds - 1e-9);
    CHECK(finish->back() >= bounds.io_seconds - 1e-9);
    const RingCase roomy = network.On(1, 1000, 1000);
    CHECK(RingFinishTimes(roomy)->back() ==
          Approx(bounds.compute_seconds).epsilon(1e-12));
  }
}

TEST_CASE("The memory floor is what reading during computing cannot bring") {
  const Network network{{100, 100}, {{0, 10}, {1, 10}}};
  CHECK(MemoryFloorBytes(network.On(5, 200, 0), 0) == Approx(100));
  CHECK(MemoryFloorBytes(network.On(5, 200, 0), 1) == Approx(0));
}

}  // namespace
}  // namespace layerd
