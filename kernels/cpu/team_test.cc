#include "kernels/cpu/team.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "kernels/cpu/parallel.h"
#include "test/catch/catch.h"

namespace layerd::cpu {
namespace {

constexpr int64_t kMuch = kParallelElements;

class Helpers {
 public:
  explicit Helpers(Team* team) : team_(team) {
    for (int t = 1; t < team->threads(); ++t) {
      threads_.emplace_back([team, t] { team->Help(t, t % 2 == 0); });
    }
  }
  ~Helpers() {
    team_->Stop();
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  Team* const team_;
  std::vector<std::thread> threads_;
};

TEST_CASE("Each element of a loop is computed once, whoever helps") {
  const int threads = GENERATE(1, 2, 3, 7);
  const bool is_helped = GENERATE(false, true);
  // Never on the stack: a sanitizer does not align it to cache lines.
  const auto made = std::make_unique<Team>(threads);
  Team& team = *made;
  std::optional<Helpers> helpers;
  if (is_helped) helpers.emplace(&team);
  const ThreadsScope scope(threads, &team);
  for (int round = 0; round < 300; ++round) {
    const int64_t count = 2 + round * 7 % 100;
    std::vector<int> times(count, 0);
    ParallelRanges(count, kMuch, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) ++times[i];
    });
    REQUIRE(times == std::vector<int>(count, 1));
    if (round % 50 == 0) team.Rest();
  }
}

TEST_CASE("Loops are cut at the same places whoever helps") {
  constexpr int64_t kCount = 1000;
  const auto begins = [](Team* team) {
    const ThreadsScope scope(team->threads(), team);
    std::vector<std::atomic<bool>> begin(kCount);
    ParallelRanges(kCount, kMuch,
                   [&](int64_t first, int64_t) { begin[first] = true; });
    return std::vector<bool>(begin.begin(), begin.end());
  };
  const auto alone = std::make_unique<Team>(2),
             helped = std::make_unique<Team>(2);
  const Helpers helpers(helped.get());
  const std::vector<bool> expected = begins(alone.get());
  CHECK(std::count(expected.begin(), expected.end(), true) > 2);
  for (int round = 0; round < 100; ++round)
    CHECK(begins(helped.get()) == expected);
}

TEST_CASE("No two threads have the same number in one loop") {
  const auto made = std::make_unique<Team>(3);
  Team& team = *made;
  const Helpers helpers(&team);
  const ThreadsScope scope(3, &team);
  std::vector<std::atomic<int>> inside(3);
  std::atomic<bool> twice{false};
  for (int round = 0; round < 300; ++round) {
    ParallelRanges(64, kMuch, [&](int64_t, int64_t) {
      if (inside[ThreadNow()].fetch_add(1) != 0) twice = true;
      inside[ThreadNow()].fetch_sub(1);
    });
  }
  CHECK_FALSE(twice);
  CHECK(ThreadNow() == 0);
}

TEST_CASE("A loop inside a loop is computed by the thread that meets it") {
  const auto made = std::make_unique<Team>(2);
  Team& team = *made;
  const Helpers helpers(&team);
  const ThreadsScope scope(2, &team);
  std::atomic<int64_t> sum{0};
  ParallelRanges(16, kMuch, [&](int64_t begin, int64_t end) {
    ParallelRanges((end - begin) * 10, kMuch,
                   [&](int64_t b, int64_t e) { sum += e - b; });
  });
  CHECK(sum == 160);
}

// The first chunk waits for another thread, so somebody must have come.
TEST_CASE("A helper that sleeps is woken") {
  const auto made = std::make_unique<Team>(2);
  Team& team = *made;
  const Helpers helpers(&team);
  const ThreadsScope scope(2, &team);
  for (int round = 0; round < 20; ++round) {
    team.Rest();
    std::atomic<bool> came{false};
    ParallelRanges(2, kMuch, [&](int64_t, int64_t) {
      if (ThreadNow() == 1) came = true;
      while (!came) std::this_thread::yield();
    });
    CHECK(came);
  }
}

}  // namespace
}  // namespace layerd::cpu
