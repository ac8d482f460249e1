#include "daemon/plan/drive_rate.h"

#include "loader/in_flight.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

constexpr uint64_t kMiB = 1 << 20;

TEST_CASE("A ring with all in flight has the rate that was measured so") {
  const Costs costs{.drive_bytes_per_s = 4e9, .drive_turn_seconds = 75e-6};
  CHECK(DriveRate(costs, 2 * kInFlightBytesMax) == Approx(4e9));
  CHECK(DriveRate(costs, 64 * kMiB) == Approx(4e9));
}

TEST_CASE("Half in flight has the half rate that was measured") {
  const Costs costs{
      .drive_bytes_per_s = 4e9,
      .drive_turn_seconds = TurnSeconds(4e9, 3.6e9, kInFlightBytesMax)};
  CHECK(DriveRate(costs, kInFlightBytesMax) == Approx(3.6e9));
}

TEST_CASE("A smaller ring never reads faster") {
  const Costs costs{.drive_bytes_per_s = 4e9, .drive_turn_seconds = 75e-6};
  double before = 0;
  for (uint64_t ring = 64 << 10; ring <= 32 * kMiB; ring += 64 << 10) {
    const double rate = DriveRate(costs, ring);
    CHECK(rate >= before);
    before = rate;
  }
}

TEST_CASE("A case has the rate of its ring") {
  const Costs costs{.drive_bytes_per_s = 4e9,
                    .drive_turn_seconds = 75e-6,
                    .copy_bytes_per_s = 8e9};
  const RingCase ring_case = RingCaseOf(costs, 3 * kMiB);
  CHECK(ring_case.drive_bytes_per_s == DriveRate(costs, 3 * kMiB));
  CHECK(ring_case.drive_bytes_per_s < costs.drive_bytes_per_s);
  CHECK(ring_case.ring_bytes == 3 * kMiB);
  CHECK(ring_case.copy_bytes_per_s == 8e9);
}

TEST_CASE("What was not measured costs nothing") {
  CHECK(DriveRate({.drive_bytes_per_s = 1e9}, kMiB) == Approx(1e9));
  CHECK(TurnSeconds(3e9, 3.1e9, 4 * kMiB) == 0);
}

}  // namespace
}  // namespace layerd
