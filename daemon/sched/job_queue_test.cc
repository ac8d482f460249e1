#include "daemon/sched/job_queue.h"

#include <memory>
#include <random>
#include <vector>

#include "test/catch/catch.h"

namespace layerd {
namespace {

constexpr Instant At(int64_t nanoseconds) {
  return Instant(std::chrono::nanoseconds(nanoseconds));
}

std::unique_ptr<Job> JobOf(int level, int arrival,
                           Instant deadline = Instant::max()) {
  auto job = std::make_unique<Job>();
  job->level = level;
  job->arrival = At(arrival);
  job->deadline = deadline;
  return job;
}

TEST_CASE("Inside a level, first come is first served") {
  const uint32_t seed = GENERATE(range(0u, 50u));
  INFO("seed " << seed);
  std::mt19937 random(seed);
  JobQueue queue(100, LevelOrder::kFifo);
  for (int n = 0; n < 100; ++n) queue.Push(JobOf(1 + random() % 4, n));
  CHECK(queue.size() == 100);

  for (int level = 1; level <= 4; ++level) {
    Instant before = At(-1);
    while (!queue.empty(level)) {
      const auto job = queue.Pop(level);
      CHECK(job->level == level);
      CHECK(before < job->arrival);
      before = job->arrival;
    }
  }
  CHECK(queue.empty());
}

TEST_CASE("By deadline, the earliest is first, and who has none is last") {
  const uint32_t seed = GENERATE(range(0u, 50u));
  INFO("seed " << seed);
  std::mt19937 random(seed);
  JobQueue queue(100, LevelOrder::kEdf);
  for (int n = 0; n < 100; ++n) {
    const bool has_none = random() % 5 == 0;
    queue.Push(JobOf(2, n, has_none ? Instant::max() : At(random() % 20)));
  }

  auto before = queue.Pop(2);
  while (!queue.empty(2)) {
    auto job = queue.Pop(2);
    CHECK(before->deadline <= job->deadline);
    if (before->deadline == job->deadline) {
      CHECK(before->arrival < job->arrival);
    }
    before = std::move(job);
  }
}

TEST_CASE("By deadline, nobody passes who has waited for a minute") {
  JobQueue queue(2, LevelOrder::kEdf);
  queue.Push(JobOf(1, 0));
  const auto arrival = std::chrono::nanoseconds(Job::kDueWithoutDeadline);
  const int after = GENERATE(-1, 1);
  queue.Push(JobOf(1, 1, At(arrival.count() + after)));
  CHECK(queue.Pop(1)->arrival == At(after < 0 ? 1 : 0));
  queue.Pop(1);
}

TEST_CASE("A declared task goes by the deadline that it was declared with") {
  JobQueue queue(8, LevelOrder::kEdf);
  const auto push_declared = [&](int arrival, Instant deadline, int declared) {
    auto job = JobOf(1, arrival, deadline);
    job->declared_deadline = std::chrono::nanoseconds(declared);
    queue.Push(std::move(job));
  };
  push_declared(0, At(20), 100);         // Asks for less than was declared,
  push_declared(1, At(91), 90);          // is what it is,
  push_declared(2, Instant::max(), 80);  // and has no other.
  for (const int arrival : {2, 1, 0}) {
    CHECK(queue.Pop(1)->arrival == At(arrival));
  }
}

TEST_CASE("Late and cancelled jobs are taken out wherever they wait") {
  const auto order = GENERATE(LevelOrder::kFifo, LevelOrder::kEdf);
  JobQueue queue(8, order);
  for (int n = 0; n < 8; ++n) {
    queue.Push(JobOf(1 + n % 2, n, At(n < 4 ? 10 : 100)));
  }
  auto cancelled = JobOf(3, 8);
  cancelled->cancelled = std::make_shared<std::atomic<bool>>(true);
  queue.Push(std::move(cancelled));

  CHECK(queue.PopDropped(At(10))->level == 3);
  CHECK(queue.PopDropped(At(10)) == nullptr);
  for (int n = 0; n < 4; ++n) {
    CHECK(queue.PopDropped(At(11))->deadline == At(10));
  }
  CHECK(queue.PopDropped(At(11)) == nullptr);
  CHECK(queue.Pop(1)->arrival == At(4));
  CHECK(queue.Pop(1)->arrival == At(6));
  CHECK(queue.Pop(2)->arrival == At(5));
}

}  // namespace
}  // namespace layerd
