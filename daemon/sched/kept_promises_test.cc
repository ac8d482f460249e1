// Which answers are late, and what is to blame.

#include <atomic>
#include <future>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "daemon/sched/scheduler_fixture.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

TEST_CASE("A job that overruns its plan is noticed at the next boundary") {
  SchedulerFixture f(milliseconds(1));
  f.SubmitPromised();
  f.scheduler.Turn();  // Begins.
  for (int part = 0; part < 4; ++part) f.scheduler.Turn();
  f.clock.Pass(milliseconds(100));  // Not its computing.
  CHECK(f.scheduler.stats().overruns == 0);
  f.lane.on_part = [&] { f.clock.Pass(milliseconds(7)); };
  f.scheduler.Turn();
  CHECK(f.scheduler.stats().overruns == 1);
  f.RunAll();
  CHECK(f.scheduler.stats().overruns == 1);  // Once.
  CHECK(f.answers.size() == 1);
}

TEST_CASE("An answer in time breaks no promise") {
  SchedulerFixture f(milliseconds(1));
  f.SubmitPromised();
  f.RunAll();
  CHECK(f.answers.size() == 1);
  for (const uint64_t count : f.scheduler.stats().promises_broken) {
    CHECK(count == 0);
  }
}

TEST_CASE("An answer later than promised names what did not hold") {
  SchedulerFixture f(milliseconds(1));
  Assumption broken = Assumption::kOther;
  SECTION("it computed too long") {
    f.lane.on_part = [&] { f.clock.Pass(milliseconds(2)); };
    broken = Assumption::kCompute;
  }
  SECTION("somebody else had the processor") {
    f.lane.on_part = [&] { f.clock.PassTaken(milliseconds(2)); };
    broken = Assumption::kProcessor;
  }
  SECTION("more urgent work computed too long") {
    f.lane.on_part = [&] { f.clock.Pass(milliseconds(2)); };
    f.SubmitPromised(2);
    f.scheduler.Turn();  // It has begun.
    f.SubmitPromised(1);
    f.RunAll();
    CHECK(f.Broken(Assumption::kCompute) == 2);
    return;
  }
  SECTION("the drive was slow") {
    f.SubmitPromised();
    f.scheduler.Turn();  // Begins.
    f.clock.Pass(milliseconds(15));
    f.lane.waited = milliseconds(15);
    f.RunAll();
    CHECK(f.Broken(Assumption::kDrive) == 1);
    return;
  }
  f.SubmitPromised();
  f.RunAll();
  CHECK(f.Broken(broken) == 1);
  for (const TraceEvent& event : f.scheduler.trace()->Events()) {
    if (event.kind != TraceKind::kLate) continue;
    CHECK(event.number == static_cast<uint32_t>(broken));
    CHECK(event.duration == milliseconds(10));
    return;
  }
  FAIL("the trace does not tell");
}

TEST_CASE("Who was cancelled breaks no promise, however late that is") {
  SchedulerFixture f(milliseconds(1));
  f.SubmitPromised();
  f.scheduler.Turn();  // Begins.
  const auto cancelled = std::make_shared<std::atomic<bool>>(false);
  auto job = f.JobOf(2, std::chrono::hours(1));
  job->promised_response = milliseconds(20);
  job->cancelled = cancelled;
  REQUIRE(f.scheduler.Submit(std::move(job)).ok());
  f.lane.ready = false;
  f.scheduler.Turn();  // Also begins.
  f.clock.Pass(milliseconds(100));
  cancelled->store(true);
  f.scheduler.Turn();
  REQUIRE(f.answers.size() == 1);
  CHECK(absl::IsCancelled(f.answers[0]));
  for (const uint64_t count : f.scheduler.stats().promises_broken) {
    CHECK(count == 0);
  }
  f.lane.ready = true;
  f.RunAll();
}

// The worst way to be late.
TEST_CASE("Whose turn never comes is compared with his promise as well") {
  SchedulerFixture f(milliseconds(1));
  f.SubmitPromised();
  f.scheduler.Turn();    // Begins,
  f.lane.ready = false;  // and stays.
  auto job = f.JobOf(1, milliseconds(30));
  job->promised_response = milliseconds(20);
  REQUIRE(f.scheduler.Submit(std::move(job)).ok());
  f.clock.Pass(milliseconds(31));
  f.RunAll();
  REQUIRE(f.answers.size() == 1);
  CHECK(absl::IsDeadlineExceeded(f.answers[0]));
  CHECK(f.Broken(Assumption::kOther) == 1);
  f.lane.ready = true;
  f.RunAll();
}

TEST_CASE("Who waited for the turn of one that overran names that") {
  SchedulerFixture f(milliseconds(1));
  int parts = 0;
  f.lane.on_part = [&] {
    if (++parts <= 10) f.clock.Pass(milliseconds(2));
  };
  f.SubmitPromised();
  f.SubmitPromised();
  f.RunAll();
  CHECK(f.scheduler.stats().overruns == 1);
  CHECK(f.Broken(Assumption::kCompute) == 2);
}

// As gRPC does it.
TEST_CASE("Who is cancelled because his deadline has passed was late") {
  SchedulerFixture f(milliseconds(1));
  const auto cancelled = std::make_shared<std::atomic<bool>>(false);
  auto job = f.JobOf(1, milliseconds(30));
  job->promised_response = milliseconds(20);
  job->cancelled = cancelled;
  REQUIRE(f.scheduler.Submit(std::move(job)).ok());
  f.scheduler.Turn();  // Begins.
  f.clock.Pass(milliseconds(31));
  cancelled->store(true);
  f.RunAll();
  REQUIRE(f.answers.size() == 1);
  CHECK(absl::IsDeadlineExceeded(f.answers[0]));
  CHECK(f.scheduler.stats().deadline_misses == 1);
  CHECK(f.scheduler.stats().cancelled == 0);
  CHECK(f.Broken(Assumption::kOther) == 1);
}

// Run() asks the clock when it goes to sleep and when it wakes.
TEST_CASE("While it sleeps for a job's weights nobody takes the processor") {
  SchedulerFixture f(milliseconds(1));
  int looks = 0;
  f.lane.is_ready = [&] {
    // The first look also asks the clock since when it waits.
    if (++looks == 2) f.clock.SleepBefore(2, milliseconds(30));
    return looks > 2;
  };
  std::promise<void> answered;
  auto job = f.JobOf(1, std::chrono::hours(1));
  job->promised_compute = milliseconds(10);
  job->promised_response = milliseconds(20);
  job->done = [&](const absl::Status&, const JobStats&) {
    answered.set_value();
  };
  f.lane.waited = milliseconds(30);
  REQUIRE(f.scheduler.Submit(std::move(job)).ok());
  std::thread executor([&] { f.scheduler.Run(); });
  answered.get_future().wait();
  f.scheduler.Shutdown();
  executor.join();

  std::vector<nanoseconds> taken;
  for (const TraceEvent& event : f.scheduler.trace()->Events()) {
    if (event.kind == TraceKind::kTaken) taken.push_back(event.duration);
  }
  CHECK(taken == std::vector<nanoseconds>{nanoseconds(0)});
  CHECK(f.Broken(Assumption::kDrive) == 1);
}

// Its own weights are there.
TEST_CASE("Who waited for the turn of one that waits for the drive names it") {
  SchedulerFixture f(milliseconds(1));
  int looks = 0;
  f.lane.is_ready = [&] {
    if (++looks == 2) f.clock.SleepBefore(2, milliseconds(30));
    return looks > 2;
  };
  auto before = f.JobOf(1, std::chrono::hours(1));
  REQUIRE(f.scheduler.Submit(std::move(before)).ok());
  std::promise<void> answered;
  auto job = f.JobOf(1, std::chrono::hours(1));
  job->promised_compute = milliseconds(10);
  job->promised_response = milliseconds(20);
  job->done = [&](const absl::Status&, const JobStats&) {
    answered.set_value();
  };
  REQUIRE(f.scheduler.Submit(std::move(job)).ok());
  std::thread executor([&] { f.scheduler.Run(); });
  answered.get_future().wait();
  f.scheduler.Shutdown();
  executor.join();

  CHECK(f.Broken(Assumption::kDrive) == 1);
}

}  // namespace
}  // namespace layerd
