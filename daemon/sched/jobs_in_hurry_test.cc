#include "daemon/sched/jobs_in_hurry.h"

#include <vector>

#include "test/catch/catch.h"

namespace layerd {
namespace {

struct Told {
  std::vector<bool> all;
  JobsInHurry jobs{[this](bool hurry) { all.push_back(hurry); }};

  void Begin(bool hasty) {
    jobs.Change();
    jobs.Begun(hasty);
  }
  void End(bool hasty) {
    jobs.Change();
    jobs.Ended(hasty);
  }
};

constexpr bool kHasty = true, kBestEffort = false;

TEST_CASE("Best effort alone is in no hurry") {
  Told told;
  told.Begin(kBestEffort);
  CHECK(told.all == std::vector{false});
  told.Begin(kHasty);
  CHECK(told.all == std::vector{false, true});
  told.Begin(kBestEffort);
  told.End(kBestEffort);
  CHECK(told.all == std::vector{false, true});
  told.End(kHasty);
  CHECK(told.all == std::vector{false, true, false});
  told.End(kBestEffort);
  CHECK(told.all == std::vector{false, true, false, true});
}

TEST_CASE("Nobody waits for a reader that is in no hurry") {
  Told told;
  told.Begin(kBestEffort);
  told.Begin(kBestEffort);
  CHECK(told.all == std::vector{false, true, false});
  told.jobs.Change();
  CHECK(told.all.back());
  told.jobs.Ended(kBestEffort);
  CHECK_FALSE(told.all.back());
}

TEST_CASE("Hasty jobs alone change nothing") {
  Told told;
  for (int job = 0; job < 2; ++job) {
    told.Begin(kHasty);
    told.End(kHasty);
  }
  CHECK(told.all.empty());
}

}  // namespace
}  // namespace layerd
