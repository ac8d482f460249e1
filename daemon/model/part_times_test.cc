#include "daemon/model/part_times.h"

#include "test/catch/catch.h"

namespace layerd {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// A step of the histogram.
constexpr double kClose = 1.05;

void Note(PartTimes* times, uint32_t count, nanoseconds took) {
  for (uint32_t i = 0; i < count; ++i) times->Note(took);
}

bool IsJustAbove(nanoseconds found, nanoseconds wanted) {
  return found >= wanted && static_cast<double>(found.count()) <
                                kClose * static_cast<double>(wanted.count());
}

TEST_CASE("Of too few parts nothing is known") {
  PartTimes times;
  Note(&times, PartTimes::kEnough - 1, milliseconds(1));
  CHECK(times.nearly_all() == nanoseconds(0));
  Note(&times, 1, milliseconds(1));
  CHECK(IsJustAbove(times.nearly_all(), milliseconds(1)));
}

TEST_CASE("One part of a thousand may take longer, two may not") {
  for (const uint32_t longer : {4u, 5u}) {
    INFO(longer);
    PartTimes times;
    Note(&times, longer, milliseconds(9));
    Note(&times, PartTimes::kEnough - longer, microseconds(700));
    CHECK(IsJustAbove(times.nearly_all(),
                      longer == 4 ? nanoseconds(700'000) : milliseconds(9)));
  }
}

TEST_CASE("The longest parts count, however many short ones there are") {
  PartTimes times;
  for (int i = 0; i < 500; ++i) {
    Note(&times, 95, microseconds(5));
    Note(&times, 5, milliseconds(2));
  }
  CHECK(IsJustAbove(times.nearly_all(), milliseconds(2)));
}

TEST_CASE("What was long ago is forgotten") {
  PartTimes times;
  Note(&times, PartTimes::kRemembered, milliseconds(8));
  Note(&times, 12 * PartTimes::kRemembered, milliseconds(2));
  CHECK(IsJustAbove(times.nearly_all(), milliseconds(2)));
}

TEST_CASE("What was noted is gone on with") {
  const uint32_t noted =
      GENERATE(0u, PartTimes::kEnough - 1, 2 * PartTimes::kRemembered + 17);
  PartTimes before, after;
  Note(&before, noted, microseconds(700));
  REQUIRE(after.Restore(before.counts()));
  CHECK(after.counts() == before.counts());
  CHECK(after.nearly_all() == before.nearly_all());
  Note(&before, PartTimes::kEnough, milliseconds(2));
  Note(&after, PartTimes::kEnough, milliseconds(2));
  CHECK(IsJustAbove(after.nearly_all(), milliseconds(2)));
  CHECK(after.nearly_all() == before.nearly_all());
}

TEST_CASE(
    "Counts of so many parts or steps that there are none change nothing") {
  PartTimes times;
  Note(&times, PartTimes::kEnough, milliseconds(1));
  const std::vector<uint32_t> counts = times.counts();
  std::vector<uint32_t> wrong = counts;
  SECTION("more steps than there are") { wrong.resize(1024); }
  SECTION("more parts than are remembered") {
    wrong[3] = 2 * PartTimes::kRemembered;
  }
  SECTION("so many that their sum begins anew") {
    wrong[3] = wrong[4] = 1u << 31;
  }
  CHECK(!times.Restore(wrong));
  CHECK(times.counts() == counts);
  CHECK(IsJustAbove(times.nearly_all(), milliseconds(1)));
}

TEST_CASE("No time is too short or too long") {
  PartTimes times;
  Note(&times, PartTimes::kEnough, nanoseconds(0));
  CHECK(times.nearly_all() <= microseconds(2));
  Note(&times, PartTimes::kEnough, std::chrono::hours(1));
  CHECK(times.nearly_all() > std::chrono::seconds(10));
}

}  // namespace
}  // namespace layerd
