#include <sys/resource.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "daemon/rt/realtime.h"
#include "test/catch/catch.h"
#include "test/scratch/no_rights.h"
#include "test/sim/test_engine.h"

namespace layerd {
namespace {

// What an engine without any rights says, where priorities up to `priority`
// are free to all.
std::vector<std::string> WarningsUpTo(rlim_t priority) {
  const rlimit limit{.rlim_cur = priority, .rlim_max = priority};
  REQUIRE(setrlimit(RLIMIT_RTPRIO, &limit) == 0);
  std::vector<std::string> warnings;
  bool gave_up = false;
  std::thread([&] {
    gave_up = GiveUpAllRights();
    EngineOptions options;
    options.realtime = Realtime::kBestEffort;
    warnings = TestEngine(options, Drive::kSim)->warnings();
  }).join();
  REQUIRE(gave_up);
  return warnings;
}

int Count(const std::vector<std::string>& lines, const std::string& word) {
  return static_cast<int>(
      std::ranges::count_if(lines, [&](const std::string& line) {
        return line.find(word) != std::string::npos;
      }));
}

constexpr char kLoader[] = "the loader has no real-time priority";
constexpr char kExecutor[] = "the executor has no real-time priority";

TEST_CASE("What the loader is refused is said though the executor is not") {
  const rlimit limit{kExecutorPriority, kExecutorPriority};
  if (setrlimit(RLIMIT_RTPRIO, &limit) != 0) {
    WARN("SKIPPED: this user may not allow himself real-time priorities");
    return;
  }
  const std::vector<std::string> warnings = WarningsUpTo(kExecutorPriority);
  CHECK(Count(warnings, kExecutor) == 0);
  CHECK(Count(warnings, kLoader) == 1);
}

TEST_CASE("What both are refused is said of both, and the rest once") {
  const std::vector<std::string> warnings = WarningsUpTo(0);
  CHECK(Count(warnings, kExecutor) == 1);
  CHECK(Count(warnings, kLoader) == 1);
  CHECK(Count(warnings, "stack is not locked") <= 1);
}

}  // namespace
}  // namespace layerd
