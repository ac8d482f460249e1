#include "daemon/sched/scheduler.h"

#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

class HandClock final : public Clock {
 public:
  Instant now() const override { return now_; }
  void Pass(nanoseconds time) { now_ += time; }

 private:
  Instant now_ = Instant{} + std::chrono::hours(1);
};

// Ten parts, whose weights are all there.
class TenParts final : public Lane {
 public:
  TenParts(HandClock* clock, nanoseconds part) : clock_(clock), part_(part) {}

  absl::Status Begin(Job&) override {
    next_ = 0;
    ++begun;
    return absl::OkStatus();
  }
  absl::StatusOr<bool> Ready() override { return true; }
  absl::Status RunPart() override {
    clock_->Pass(part_);
    ++next_;
    return absl::OkStatus();
  }
  bool finished() const override { return next_ == part_count(); }
  absl::Status Finish() override { return absl::OkStatus(); }
  void End() override {}
  void ReadAhead(Instant) override {}
  size_t next_part() const override { return next_; }
  size_t part_count() const override { return 10; }
  nanoseconds load_wait() const override { return nanoseconds(0); }
  uint64_t read_bytes() const override { return 0; }

  int begun = 0;

 private:
  HandClock* const clock_;
  const nanoseconds part_;
  size_t next_ = 0;
};

struct Fixture {
  explicit Fixture(nanoseconds part)
      : lane(&clock, part), second(&clock, part) {
    scheduler.Resume({&lane, &second});
  }

  void Submit(nanoseconds predicted, nanoseconds until_deadline,
              int level = 1) {
    auto job = std::make_unique<Job>();
    job->level = level;
    job->arrival = clock.now();
    job->deadline = clock.now() + until_deadline;
    job->predicted = predicted;
    job->done = [this](const absl::Status& status, const JobStats&) {
      answers.push_back(status);
    };
    REQUIRE(scheduler.Submit(std::move(job)).ok());
  }
  void RunAll() {
    while (scheduler.Turn()) {
    }
  }

  HandClock clock;
  TenParts lane;
  TenParts second;  // Of level 2.
  Scheduler scheduler{SchedulerOptions{}, &clock};
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
