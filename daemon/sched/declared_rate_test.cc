#include "daemon/sched/declared_rate.h"

#include "test/catch/catch.h"

namespace layerd {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPeriod(100);

Instant At(int ms) { return Instant{} + milliseconds(1000 + ms); }

TEST_CASE("A task that keeps its period comes in, with a little jitter") {
  DeclaredRate rate;
  for (const int ms : {0, 100, 195, 300, 391, 500, 900, 1000}) {
    INFO(ms);
    CHECK(rate.Admit(At(ms), kPeriod));
  }
}

TEST_CASE("A job that comes too soon does not, and moves none after it") {
  DeclaredRate rate;
  CHECK(rate.Admit(At(0), kPeriod));
  CHECK_FALSE(rate.Admit(At(50), kPeriod));
  CHECK(rate.Early(At(50)) == milliseconds(50));
  CHECK_FALSE(rate.Admit(At(89), kPeriod));
  CHECK(rate.Admit(At(100), kPeriod));
}

TEST_CASE("Who always comes early is kept to the declared rate") {
  DeclaredRate rate;
  int admitted = 0;
  for (int ms = 0; ms < 10'000; ++ms) admitted += rate.Admit(At(ms), kPeriod);
  CHECK(admitted == 101);  // The last one early.
  // One that was late does not let two come together.
  CHECK(rate.Admit(At(10'150), kPeriod));
  CHECK_FALSE(rate.Admit(At(10'200), kPeriod));
}

TEST_CASE("A job that was refused all the same leaves its turn to another") {
  DeclaredRate rate;
  REQUIRE(rate.Admit(At(100), kPeriod));
  const Instant next = rate.next();
  rate.TakeBack(next, kPeriod);
  CHECK(rate.Early(At(101)).count() == 0);
  REQUIRE(rate.Admit(At(101), kPeriod));
  const Instant later = rate.next();
  // The next has taken the turn after it by now.
  REQUIRE(rate.Admit(At(201), kPeriod));
  rate.TakeBack(later, kPeriod);
  CHECK(rate.next() == At(301));
}

}  // namespace
}  // namespace layerd
