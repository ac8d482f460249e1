#include "daemon/sched/scheduler.h"

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "daemon/sched/admission.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

class HandClock final : public Clock {
 public:
  Instant now() const override { return now_; }
  std::optional<nanoseconds> cpu_time() const override { return cpu_time_; }
  void Pass(nanoseconds time) {
    now_ += time;
    cpu_time_ += time;
  }
  // The CPU was somebody else's.
  void PassTaken(nanoseconds time) { now_ += time; }

 private:
  Instant now_ = Instant{} + std::chrono::hours(1);
  nanoseconds cpu_time_{0};
};

// Ten parts, whose weights are all there.
class TenParts final : public Lane {
 public:
  TenParts(HandClock* clock, nanoseconds part) : clock_(clock), part_(part) {}

  bool FreeFor(const Job&) override { return free; }
  absl::Status Begin(Job&) override {
    next_ = 0;
    ++begun;
    return absl::OkStatus();
  }
  absl::StatusOr<bool> Ready() override { return ready; }
  absl::Status RunPart() override {
    clock_->Pass(part_);
    if (on_part) on_part();
    ++next_;
    return absl::OkStatus();
  }
  bool finished() const override { return next_ == part_count(); }
  absl::Status Finish() override { return absl::OkStatus(); }
  void End() override { ++ended; }
  void ReadAhead(Instant) override { ++looked_ahead; }
  size_t next_part() const override { return next_; }
  size_t part_count() const override { return 10; }
  nanoseconds load_wait() const override { return waited; }
  uint64_t read_bytes() const override { return 0; }

  std::function<void()> on_part;  // At the end of each.
  nanoseconds waited{0};
  int begun = 0, ended = 0, looked_ahead = 0;
  bool free = true, ready = true;

 private:
  HandClock* const clock_;
  const nanoseconds part_;
  size_t next_ = 0;
};

struct Fixture {
  explicit Fixture(nanoseconds part, LevelOrder order = LevelOrder::kFifo)
      : lane(&clock, part),
        second(&clock, part),
        scheduler({.level_order = order}, &clock) {
    scheduler.Resume({&lane, &second});
  }

  // With a plan of 10 ms, and an answer after 20 at the latest.
  void SubmitPromised(int level = 1) {
    auto job = JobOf(level, std::chrono::hours(1));
    job->promised_compute = milliseconds(10);
    job->promised_response = milliseconds(20);
    REQUIRE(scheduler.Submit(std::move(job)).ok());
  }
  uint64_t Broken(Assumption by) const {
    return scheduler.stats().promises_broken[static_cast<size_t>(by)];
  }

  // The job is cancelled by what is returned.
  std::shared_ptr<std::atomic<bool>> Submit(nanoseconds predicted,
                                            nanoseconds until_deadline,
                                            int level = 1) {
    auto job = JobOf(level, until_deadline);
    job->predicted = predicted;
    const auto cancelled = std::make_shared<std::atomic<bool>>(false);
    job->cancelled = cancelled;
    REQUIRE(scheduler.Submit(std::move(job)).ok());
    return cancelled;
  }
  std::unique_ptr<Job> JobOf(int level, nanoseconds until_deadline) {
    auto job = std::make_unique<Job>();
    job->level = level;
    job->arrival = clock.now();
    job->deadline = clock.now() + until_deadline;
    job->done = [this](const absl::Status& status, const JobStats&) {
      answers.push_back(status);
    };
    return job;
  }
  void RunAll() {
    while (scheduler.Turn()) {
    }
  }

  HandClock clock;
  TenParts lane;
  TenParts second;  // Of level 2.
  Scheduler scheduler;
  std::vector<absl::Status> answers;
};

TEST_CASE("A job whose turn comes too late for it is not begun") {
  Fixture f(milliseconds(1));
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
  Fixture f(milliseconds(1), LevelOrder::kEdf);
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
  Fixture f(milliseconds(1));
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

TEST_CASE("A job whose lane is not free yet holds up nobody more urgent") {
  Fixture f(milliseconds(1));
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
  Fixture f(milliseconds(1));
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
  Fixture f(milliseconds(1));
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
  Fixture f(milliseconds(1));
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

TEST_CASE("A job that overruns its plan is noticed at the next boundary") {
  Fixture f(milliseconds(1));
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
  Fixture f(milliseconds(1));
  f.SubmitPromised();
  f.RunAll();
  CHECK(f.answers.size() == 1);
  for (const uint64_t count : f.scheduler.stats().promises_broken) {
    CHECK(count == 0);
  }
}

// Catch sees no section behind one that returns, in the first run.
TEST_CASE("An answer later than promised names what did not hold") {
  Fixture f(milliseconds(1));
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
  Fixture f(milliseconds(1));
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

TEST_CASE("What waits and is late is told so a few between two parts") {
  constexpr size_t kLate = 40, kAtOnceMax = 10;
  Fixture f(milliseconds(1));
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
  Fixture f(milliseconds(2));  // Twice what is predicted.
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
  Fixture f(milliseconds(1));
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

TEST_CASE(
    "A forecast counts more urgent work as predicted, and its own slower") {
  Fixture f(milliseconds(2));  // Twice what is predicted.
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
