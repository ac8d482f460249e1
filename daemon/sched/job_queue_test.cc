#include "daemon/sched/job_queue.h"

#include <memory>
#include <random>
#include <vector>

#include "test/catch/catch.h"

namespace layerd {
namespace {

std::unique_ptr<Job> JobOf(int level, int arrival) {
  auto job = std::make_unique<Job>();
  job->level = level;
  job->arrival = Instant(std::chrono::nanoseconds(arrival));
  return job;
}

TEST_CASE("The most urgent level runs first, then first come, first served") {
  const uint32_t seed = GENERATE(range(0u, 50u));
  INFO("seed " << seed);
  std::mt19937 random(seed);
  JobQueue queue(100);
  for (int n = 0; n < 100; ++n) queue.Push(JobOf(1 + random() % 4, n));
  CHECK(queue.full());

  auto before = queue.Pop();
  while (!queue.empty()) {
    auto job = queue.Pop();
    CHECK(before->level <= job->level);
    if (before->level == job->level) CHECK(before->arrival < job->arrival);
    before = std::move(job);
  }
}

}  // namespace
}  // namespace layerd
