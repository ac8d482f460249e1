#include "daemon/sched/rest_debt.h"

#include "test/catch/catch.h"

namespace layerd {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr double kShare = 0.06;
constexpr milliseconds kPart(1);

// Parts one after another for a second, a rest whenever one is due: the longest
// time without one, and all of them.
struct Second {
  nanoseconds longest_run{0}, rested{0};
};
Second RunFor(RestDebt* debt, bool urgent) {
  Second second;
  nanoseconds run{0}, now{0};
  while (now < std::chrono::seconds(1)) {
    debt->NoteComputed(kPart);
    now += kPart;
    run += kPart;
    second.longest_run = std::max(second.longest_run, run);
    if (!debt->IsDue(urgent)) continue;
    debt->NoteRested(RestDebt::kRest);
    now += RestDebt::kRest;
    second.rested += RestDebt::kRest;
    run = nanoseconds(0);
  }
  return second;
}

TEST_CASE("Best effort rests every few parts") {
  RestDebt debt(kShare);
  const Second second = RunFor(&debt, /*urgent=*/false);
  CHECK(second.longest_run <= milliseconds(10));
  CHECK(second.rested >= milliseconds(50));
}

TEST_CASE("What is urgent rests late, and yet before the kernel makes it") {
  RestDebt debt(kShare);
  const Second second = RunFor(&debt, /*urgent=*/true);
  CHECK(second.longest_run >= milliseconds(95));
  CHECK(second.rested >= milliseconds(50));
  // From then on it owes the whole share.
  CHECK(RunFor(&debt, /*urgent=*/true).rested >= milliseconds(50));
}

TEST_CASE("Waiting is rest, and pays one rest ahead") {
  RestDebt debt(kShare);
  debt.NoteComputed(milliseconds(100));
  CHECK(debt.IsDue(false));
  debt.NoteRested(milliseconds(1000));
  CHECK(!debt.IsDue(false));
  debt.NoteComputed(milliseconds(16));  // Pays back what was ahead,
  CHECK(!debt.IsDue(false));
  debt.NoteComputed(milliseconds(1));  // and owes a whole one.
  CHECK(debt.IsDue(false));
}

TEST_CASE("Without a share nothing is owed") {
  RestDebt debt(0);
  debt.NoteComputed(std::chrono::hours(1));
  CHECK(!debt.IsDue(false));
}

}  // namespace
}  // namespace layerd
