#include "loader/io/paced_engine.h"

#include <algorithm>
#include <thread>
#include <vector>

#include "test/catch/catch.h"

namespace layerd {
namespace {

using Instant = PacedEngine::Instant;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr double kBytesPerS = 4096e3;  // A page in a millisecond.

// Completes at once, in the order of submission.
class InstantEngine final : public IoEngine {
 public:
  absl::Status RegisterMemory(std::span<std::byte>) override {
    return absl::OkStatus();
  }
  size_t depth() const override { return 4; }
  void Submit(const ReadRequest& request) override {
    done_.push_back(
        {request.user_data, request.fd < 0
                                ? int64_t{-9}
                                : static_cast<int64_t>(request.into.size())});
  }
  size_t Reap(std::span<ReadCompletion> completions, bool) override {
    const size_t count = std::min(done_.size(), completions.size());
    std::copy_n(done_.begin(), count, completions.begin());
    done_.erase(done_.begin(), done_.begin() + static_cast<ptrdiff_t>(count));
    return count;
  }
  void Wake() override {}

 private:
  std::vector<ReadCompletion> done_;
};

// A paced engine in a time that passes when the test says so.
struct Bench {
  Instant now{};
  PacedEngine engine{std::make_unique<InstantEngine>(), kBytesPerS,
                     [this] { return now; }};
  std::vector<std::byte> memory = std::vector<std::byte>(16 * 4096);

  void Submit(uint64_t user_data, size_t pages, int fd = 0) {
    engine.Submit({fd, 0, {memory.data(), pages * 4096}, user_data});
  }
  // What has completed when `time` has passed.
  std::vector<uint64_t> After(microseconds time) {
    now += time;
    ReadCompletion completions[4];
    const size_t count = engine.Reap(completions, /*wait=*/false);
    std::vector<uint64_t> told;
    for (size_t i = 0; i < count; ++i) told.push_back(completions[i].user_data);
    return told;
  }
};

using Told = std::vector<uint64_t>;

TEST_CASE("A completion comes no earlier than its bytes at the rate") {
  Bench bench;
  bench.Submit(1, 2);
  CHECK(bench.After(microseconds(1999)) == Told{});
  CHECK(bench.After(microseconds(1)) == Told{1});
}

TEST_CASE("Reads in flight together share the rate, one after the other") {
  Bench bench;
  bench.Submit(1, 1);
  bench.Submit(2, 2);
  bench.Submit(3, 1);
  CHECK(bench.After(milliseconds(1)) == Told{1});
  CHECK(bench.After(microseconds(1999)) == Told{});
  CHECK(bench.After(microseconds(1)) == Told{2});
  CHECK(bench.After(milliseconds(1)) == Told{3});
}

TEST_CASE("An idle drive saves nothing up") {
  Bench bench;
  bench.Submit(1, 1);
  CHECK(bench.After(milliseconds(1)) == Told{1});
  CHECK(bench.After(milliseconds(50)) == Told{});
  bench.Submit(2, 1);
  CHECK(bench.After(microseconds(999)) == Told{});
  CHECK(bench.After(microseconds(1)) == Told{2});
}

TEST_CASE("Being told late does not slow the reads behind") {
  Bench bench;
  bench.Submit(1, 1);
  bench.Submit(2, 1);
  CHECK(bench.After(microseconds(0)) == Told{});
  CHECK(bench.After(microseconds(1500)) == Told{1});
  CHECK(bench.After(microseconds(500)) == Told{2});
}

TEST_CASE("A read that failed takes no time of the drive") {
  Bench bench;
  bench.Submit(1, 4, /*fd=*/-1);
  CHECK(bench.After(microseconds(0)) == Told{1});
}

TEST_CASE("A wait ends when a completion is due, or with a wake") {
  PacedEngine engine(std::make_unique<InstantEngine>(), kBytesPerS,
                     [] { return std::chrono::steady_clock::now(); });
  std::vector<std::byte> memory(4 * 4096);
  ReadCompletion completion;

  const Instant start = std::chrono::steady_clock::now();
  engine.Submit({0, 0, {memory.data(), 4096}, 7});
  CHECK(engine.Reap({&completion, 1}, /*wait=*/true) == 1);
  CHECK(std::chrono::steady_clock::now() - start >= milliseconds(1));
  CHECK(completion.user_data == 7);

  engine.Submit({0, 0, {memory.data(), 4 * 4096}, 8});
  std::thread waker([&] { engine.Wake(); });
  size_t count = engine.Reap({&completion, 1}, /*wait=*/true);
  waker.join();
  while (count == 0) count = engine.Reap({&completion, 1}, /*wait=*/true);
  CHECK(completion.user_data == 8);
}

}  // namespace
}  // namespace layerd
