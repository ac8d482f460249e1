#include "daemon/sched/inbox.h"

#include <thread>
#include <vector>

#include "test/catch/catch.h"

namespace layerd {
namespace {

TEST_CASE("An inbox keeps the order of arrival") {
  Inbox inbox;
  for (int n = 1; n <= 3; ++n) {
    auto job = std::make_unique<Job>();
    job->level = n;
    inbox.Push(std::move(job));
  }
  std::vector<int> taken;
  inbox.TakeAll([&](std::unique_ptr<Job> job) { taken.push_back(job->level); });
  inbox.TakeAll([&](std::unique_ptr<Job>) { taken.push_back(0); });
  CHECK(taken == std::vector<int>{1, 2, 3});
}

TEST_CASE("Nothing is lost between four submitters and the one who takes") {
  constexpr int kEach = 2000, kThreads = 4;
  Inbox inbox;
  std::vector<std::thread> submitters;
  for (int thread = 0; thread < kThreads; ++thread) {
    submitters.emplace_back([&inbox, thread] {
      for (int n = 0; n < kEach; ++n) {
        auto job = std::make_unique<Job>();
        job->level = thread;
        job->arrival = Instant(std::chrono::nanoseconds(n));
        inbox.Push(std::move(job));
      }
    });
  }
  std::vector<int> next(kThreads);
  int taken = 0;
  bool in_order = true;
  while (taken < kThreads * kEach) {
    inbox.TakeAll([&](std::unique_ptr<Job> job) {
      const auto number = job->arrival.time_since_epoch().count();
      in_order = in_order && number == next[job->level]++;
      ++taken;
    });
  }
  for (std::thread& submitter : submitters) submitter.join();
  CHECK(in_order);
}

}  // namespace
}  // namespace layerd
