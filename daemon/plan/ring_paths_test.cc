#include "daemon/plan/ring_paths.h"

#include <algorithm>
#include <random>

#include "test/catch/catch.h"

namespace layerd {
namespace {

TEST_CASE("The longest of all paths is what the recurrence says") {
  std::mt19937 random(17);
  for (int round = 0; round < 500; ++round) {
    INFO("round " << round);
    std::vector<uint64_t> reads;
    std::vector<TimedPart> parts;
    for (uint32_t i = 0; i < 1 + random() % 60; ++i) {
      reads.push_back((1 + random() % 64) * 4096);
      for (uint32_t share = 0; share <= random() % 3; ++share) {
        parts.push_back({.read = i, .seconds = (random() % 100) * 1e-5});
      }
      if (random() % 4 == 0) parts.push_back({std::nullopt, 1e-4});
    }
    const RingCase ring_case{.reads_bytes = reads,
                             .parts = parts,
                             .drive_bytes_per_s = 5e8,
                             .ring_bytes = 512 << 10,
                             .first_read_seconds = 1e-4,
                             .block_read_seconds = (random() % 3) * 1e-4,
                             .block_compute_seconds = (random() % 3) * 1e-4};
    const auto paths = RingPaths(ring_case);
    const auto finish = RingFinishTimes(ring_case);
    REQUIRE(paths.ok());
    REQUIRE(finish.ok());
    CHECK(*std::max_element(paths->begin(), paths->end()) ==
          Approx(finish->back()));
  }
}

TEST_CASE(
    "What a job reads before a moment it has not computed with for long") {
  // Ten extents of a second each way; the ring holds two.
  const std::vector<uint64_t> reads(10, 4096);
  std::vector<TimedPart> parts;
  for (uint32_t i = 0; i < 10; ++i) parts.push_back({i, 1.0});
  RingCase ring_case{.reads_bytes = reads,
                     .parts = parts,
                     .drive_bytes_per_s = 4096,
                     .ring_bytes = 2 * 4096};
  CHECK(ReadThenComputeSeconds(ring_case) == Approx(12));
  ring_case.ring_bytes = 100 * 4096;
  CHECK(ReadThenComputeSeconds(ring_case) == Approx(20));
}

}  // namespace
}  // namespace layerd
