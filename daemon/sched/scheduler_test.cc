#include "daemon/sched/scheduler.h"

#include <future>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "daemon/sched/admission.h"
#include "daemon/sched/scheduler_fixture.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

TEST_CASE("A job whose turn comes too late for it is not begun") {
  SchedulerFixture f(milliseconds(1));
  f.Submit(milliseconds(10), milliseconds(15));
  f.Submit(milliseconds(10), milliseconds(15));
  f.Submit(milliseconds(5), milliseconds(15));
  f.RunAll();
  REQUIRE(f.answers.size() == 3);
  CHECK(f.answers[0].ok());
  CHECK(absl::IsDeadlineExceeded(f.answers[1]));
  CHECK(f.answers[1].message() ==
        "its turn came 5.000 ms before the deadline, and it takes 10.000 ms");
  CHECK(f.lane.begun == 2);
  CHECK(f.scheduler.ForecastOf(1, milliseconds(10)).ahead == nanoseconds(0));
}

// Admission counts all that its level has as before it. Who comes later and is
// due earlier does go before it, and is let in only if all of that is done by
// his own deadline.
TEST_CASE("By deadline, who is let in is in time, whoever comes after") {
  const uint32_t seed = GENERATE(range(0u, 50u));
  INFO("seed " << seed);
  SchedulerFixture f(milliseconds(1), LevelOrder::kEdf);
  std::mt19937 random(seed);
  int let_in = 0, refused = 0;
  for (int i = 0; i < 500; ++i) {
    const milliseconds takes(10), until_deadline(10 + random() % 100);
    const auto [ahead, own] = f.scheduler.ForecastOf(1, takes);
    const Instant now = f.clock.now();
    if (random() % 5 > 0) {
      // Nobody comes.
    } else if (AdmitByPrediction(now, now + until_deadline, 1, ahead, own)
                   .ok()) {
      f.Submit(takes, until_deadline);
      ++let_in;
    } else {
      ++refused;
    }
    if (!f.scheduler.Turn()) f.clock.Pass(milliseconds(1));
  }
  f.RunAll();
  CHECK(let_in > 10);
  CHECK(refused > 10);
  REQUIRE(f.answers.size() == static_cast<size_t>(let_in));
  for (const absl::Status& answer : f.answers) CHECK(answer.ok());
}

TEST_CASE("A job that is dropped does not keep a more urgent one waiting") {
  SchedulerFixture f(milliseconds(1));
  const auto cancelled = f.Submit(milliseconds(10), milliseconds(100), 2);
  f.Submit(milliseconds(10), milliseconds(100), 2);
  f.scheduler.Turn();  // Begins,
  f.scheduler.Turn();  // a part.
  f.Submit(milliseconds(10), milliseconds(100), 1);
  cancelled->store(true);
  f.scheduler.Turn();
  REQUIRE(f.answers.size() == 1);  // At once.
  CHECK(absl::IsCancelled(f.answers[0]));
  while (f.answers.size() < 2) {
    CHECK(f.second.ended == 0);
    REQUIRE(f.scheduler.Turn());
  }
  CHECK(f.answers[1].ok());  // The urgent one.
  CHECK(f.second.begun == 1);
  f.RunAll();
  REQUIRE(f.answers.size() == 3);
  CHECK(f.answers[2].ok());
  CHECK(f.second.ended == 2);
  CHECK(f.scheduler.stats().preemptions == 0);
  CHECK(f.scheduler.ForecastOf(2, milliseconds(10)).ahead == nanoseconds(0));
}

// As when the drive stalls.
TEST_CASE("What a dropped job left on its way holds up nobody") {
  SchedulerFixture f(milliseconds(1));
  const auto cancelled = f.Submit(milliseconds(10), milliseconds(100), 2);
  f.scheduler.Turn();  // Begins,
  f.scheduler.Turn();  // a part.
  f.second.landed = false;
  f.second.ready = false;
  cancelled->store(true);
  f.RunAll();
  REQUIRE(f.answers.size() == 1);
  CHECK(absl::IsCancelled(f.answers[0]));
  CHECK(f.second.ended == 0);
  f.Submit(milliseconds(10), milliseconds(100), 1);
  f.RunAll();
  CHECK(f.answers.size() == 2);
  CHECK(f.second.ended == 0);
  f.second.landed = true;
  f.RunAll();
  CHECK(f.second.ended == 1);
}

// It would be blocked by a part, for what takes less time.
TEST_CASE("Nor does it let a less urgent one before who waits for its place") {
  SchedulerFixture f(milliseconds(1));
  const auto cancelled = f.Submit(milliseconds(10), milliseconds(100), 1);
  f.scheduler.Turn();  // Begins,
  f.scheduler.Turn();  // a part.
  f.lane.landed = false;
  cancelled->store(true);
  f.Submit(milliseconds(10), milliseconds(100), 1);
  f.Submit(milliseconds(10), milliseconds(100), 2);
  f.RunAll();
  CHECK(f.answers.size() == 1);
  CHECK(f.second.next_part() == 0);
  f.lane.landed = true;
  f.RunAll();
  CHECK(f.answers.size() == 3);
  CHECK(f.lane.begun == 2);
}

TEST_CASE("A job that fails is answered at once, whatever it reads") {
  SchedulerFixture f(milliseconds(1));
  f.Submit(milliseconds(10), milliseconds(100));
  f.lane.landed = false;
  f.lane.outcome = absl::DataLossError("a tile is damaged");
  f.RunAll();
  REQUIRE(f.answers.size() == 1);
  CHECK(absl::IsDataLoss(f.answers[0]));
  CHECK(f.lane.next_part() == 1);
  CHECK(f.lane.ended == 0);
  f.lane.landed = true;
  f.RunAll();
  CHECK(f.lane.ended == 1);
  CHECK(f.answers.size() == 1);
}

TEST_CASE("At its end the executor stays until all has landed") {
  SchedulerFixture f(milliseconds(1));
  f.lane.ready = false;
  f.lane.landed = false;
  auto job = f.JobOf(1, milliseconds(100));
  std::promise<absl::Status> answer;
  job->done = [&](const absl::Status& status, const JobStats&) {
    answer.set_value(status);
  };
  REQUIRE(f.scheduler.Submit(std::move(job)).ok());
  f.scheduler.Turn();  // Begins.
  f.scheduler.Shutdown();
  std::thread executor([&] { f.scheduler.Run(); });
  CHECK(absl::IsUnavailable(answer.get_future().get()));
  f.lane.landed = true;
  f.scheduler.bell()->Ring();
  executor.join();
  CHECK(f.lane.ended == 1);
}

TEST_CASE("What could not be read ahead yet is asked for again") {
  SchedulerFixture f(milliseconds(1));
  f.lane.landed = false;
  f.RunAll();
  CHECK(f.lane.looked_ahead == 1);
  CHECK(f.second.looked_ahead == 1);
  f.lane.landed = true;
  f.RunAll();
  CHECK(f.lane.looked_ahead == 2);
  f.RunAll();
  CHECK(f.lane.looked_ahead == 2);
}

TEST_CASE("A job whose lane is not free yet holds up nobody more urgent") {
  SchedulerFixture f(milliseconds(1));
  f.second.free = false;
  f.Submit(milliseconds(10), milliseconds(100), 2);
  CHECK_FALSE(f.scheduler.Turn());
  f.Submit(milliseconds(10), milliseconds(100), 1);
  f.RunAll();
  CHECK(f.answers.size() == 1);
  CHECK(f.second.begun == 0);
  f.second.free = true;
  f.RunAll();
  REQUIRE(f.answers.size() == 2);
  CHECK(f.answers[1].ok());
}

TEST_CASE("A less urgent one does not compute before it") {
  SchedulerFixture f(milliseconds(1));
  f.Submit(milliseconds(10), milliseconds(100), 2);
  f.scheduler.Turn();  // Begins,
  f.scheduler.Turn();  // a part.
  f.lane.free = false;
  const auto cancelled = f.Submit(milliseconds(10), milliseconds(100), 1);
  f.RunAll();
  CHECK(f.second.next_part() == 1);
  SECTION("until it may") { f.lane.free = true; }
  SECTION("or is cancelled") {
    cancelled->store(true);
    f.clock.Pass(milliseconds(2));
  }
  f.RunAll();
  CHECK(f.answers.size() == 2);
  CHECK(f.second.ended == 1);
}

// What was read ahead was given up for it.
TEST_CASE("Where a job waited for its lane in vain, all is read ahead again") {
  SchedulerFixture f(milliseconds(1));
  f.RunAll();
  CHECK(f.lane.looked_ahead == 1);
  f.lane.free = false;
  const auto cancelled = f.Submit(milliseconds(10), milliseconds(100));
  f.RunAll();
  cancelled->store(true);
  f.clock.Pass(milliseconds(20));
  f.RunAll();
  CHECK(f.answers.size() == 1);
  CHECK(f.lane.begun == 0);
  CHECK(f.lane.looked_ahead == 2);
}

TEST_CASE("The trace has a wait for the drive from its begin") {
  SchedulerFixture f(milliseconds(1));
  f.Submit(milliseconds(10), milliseconds(100));
  f.scheduler.Turn();  // Begins.
  f.lane.ready = false;
  for (int look = 0; look < 3; ++look) {
    CHECK_FALSE(f.scheduler.Turn());
    f.clock.Pass(milliseconds(2));
  }
  f.lane.ready = true;
  f.RunAll();
  std::vector<nanoseconds> waits;
  for (const TraceEvent& event : f.scheduler.trace()->Events()) {
    if (event.kind == TraceKind::kWait) waits.push_back(event.duration);
  }
  CHECK(waits == std::vector<nanoseconds>{milliseconds(6)});
}

TEST_CASE("The trace tells how jobs ended that never began") {
  SchedulerFixture f(milliseconds(1));
  f.Submit(milliseconds(10), milliseconds(100));
  f.scheduler.Turn();  // Begins.
  f.Submit(milliseconds(10), milliseconds(5));
  f.RunAll();
  std::vector<absl::StatusCode> codes;
  for (const TraceEvent& event : f.scheduler.trace()->Events()) {
    if (event.kind != TraceKind::kJob) continue;
    codes.push_back(static_cast<absl::StatusCode>(event.number));
  }
  CHECK_THAT(codes,
             Catch::UnorderedEquals(std::vector<absl::StatusCode>{
                 absl::StatusCode::kOk, absl::StatusCode::kDeadlineExceeded}));
}

// Catch sees no section behind one that returns, in the first run.
TEST_CASE("What waits and is late is told so a few between two parts") {
  constexpr size_t kLate = 40, kAtOnceMax = 10;
  SchedulerFixture f(milliseconds(1));
  f.Submit(milliseconds(10), milliseconds(100), 1);
  f.scheduler.Turn();
  f.Submit(milliseconds(10), milliseconds(100), 2);
  f.scheduler.Turn();  // Also the other is on: the late ones stay in the queue.
  for (size_t i = 0; i < kLate; ++i) {
    f.Submit(milliseconds(10), milliseconds(1), 2);
  }
  f.clock.Pass(milliseconds(2));
  size_t answered = 0;
  while (f.scheduler.Turn()) {
    CHECK(f.answers.size() <= answered + kAtOnceMax);
    answered = f.answers.size();
  }
  CHECK(f.answers.size() == kLate + 2);
  CHECK(f.scheduler.stats().deadline_misses == kLate);
}

TEST_CASE("Who waits while memory changes is told of the deadline in time") {
  const MonotonicClock clock;
  Scheduler scheduler(SchedulerOptions{}, &clock);
  std::thread executor([&] { scheduler.Run(); });
  scheduler.Hold();
  std::promise<absl::Status> answer;
  auto job = std::make_unique<Job>();
  job->arrival = clock.now();
  job->deadline = clock.now() + milliseconds(1);
  job->done = [&](const absl::Status& status, const JobStats&) {
    answer.set_value(status);
  };
  REQUIRE(scheduler.Submit(std::move(job)).ok());

  auto told = answer.get_future();
  const bool in_time =
      told.wait_for(std::chrono::minutes(1)) == std::future_status::ready;

  scheduler.Resume({});
  CHECK(in_time);
  CHECK(absl::IsDeadlineExceeded(told.get()));
  scheduler.Shutdown();
  executor.join();
}

TEST_CASE("A forecast counts with how long jobs were on lately") {
  SchedulerFixture f(milliseconds(2));  // Twice what is predicted.
  f.Submit(milliseconds(10), milliseconds(100));
  CHECK(f.scheduler.ForecastOf(1, milliseconds(10)).own == milliseconds(10));
  CHECK(f.scheduler.ForecastOf(1, milliseconds(10)).ahead == milliseconds(10));
  f.RunAll();
  for (int i = 0; i < 60; ++i) {
    f.Submit(milliseconds(10), milliseconds(100));
    f.RunAll();
  }
  SECTION("for a job behind others") {
    f.Submit(milliseconds(10), milliseconds(100));
    const auto forecast = f.scheduler.ForecastOf(1, milliseconds(10));
    CHECK(forecast.own > nanoseconds(19'900'000));
    CHECK(forecast.own <= milliseconds(20));
    CHECK(forecast.ahead == forecast.own);
    f.RunAll();
  }
  SECTION("and not for one that nothing is ahead of") {
    CHECK(f.scheduler.ForecastOf(1, milliseconds(10)).own == milliseconds(10));
  }
}

TEST_CASE("A forecast is not bolder than what is predicted") {
  SchedulerFixture f(milliseconds(1));
  SECTION("after jobs that took half of that") {
    for (int i = 0; i < 60; ++i) {
      f.Submit(milliseconds(20), milliseconds(100));
      f.RunAll();
    }
  }
  SECTION("nor more careful for what ended in its first half") {
    for (int i = 0; i < 60; ++i) {
      const auto cancelled = f.Submit(milliseconds(2), milliseconds(100));
      f.scheduler.Turn();  // Begins,
      for (int part = 0; part < 4; ++part) f.scheduler.Turn();
      cancelled->store(true);
      f.RunAll();
    }
  }
  f.Submit(milliseconds(10), milliseconds(100));
  CHECK(f.scheduler.ForecastOf(1, milliseconds(10)).own == milliseconds(10));
  f.RunAll();
}

// For it, the lane may have given up what it read for another.
TEST_CASE("After a job that is refused at its turn, lanes read ahead again") {
  SchedulerFixture f(milliseconds(1));
  f.RunAll();
  REQUIRE(f.lane.looked_ahead == 1);
  f.Submit(/*predicted=*/milliseconds(100), milliseconds(50));
  f.RunAll();
  REQUIRE(f.answers.size() == 1);
  CHECK(absl::IsDeadlineExceeded(f.answers[0]));
  CHECK(f.lane.begun == 0);
  CHECK(f.lane.looked_ahead == 2);
}

TEST_CASE(
    "A forecast counts more urgent work as predicted, and its own slower") {
  SchedulerFixture f(milliseconds(2));  // Twice what is predicted.
  for (int i = 0; i < 60; ++i) {
    f.Submit(milliseconds(10), milliseconds(100), 2);
    f.RunAll();
  }
  f.Submit(milliseconds(10), milliseconds(1000), 1);
  const auto behind_urgent = f.scheduler.ForecastOf(2, milliseconds(10));
  CHECK(behind_urgent.ahead == milliseconds(10));
  CHECK(behind_urgent.own > nanoseconds(19'900'000));
  CHECK(behind_urgent.own <= milliseconds(20));

  f.Submit(milliseconds(10), milliseconds(1000), 2);
  const auto behind_both = f.scheduler.ForecastOf(2, milliseconds(10));
  CHECK(behind_both.ahead == milliseconds(10) + behind_urgent.own);
  CHECK(behind_both.own == behind_urgent.own);
  CHECK(f.scheduler.ForecastOf(1, milliseconds(10)).ahead == milliseconds(10));
  f.RunAll();
}

}  // namespace
}  // namespace layerd
