#include "daemon/end_watchdog.h"

#include <sys/wait.h>
#include <unistd.h>

#include "test/catch/catch.h"

namespace layerd {
namespace {

constexpr int kExitStatus = 7;
constexpr unsigned kAlarmSeconds = 30;

// What a process that does that ends with, or -1 if a signal ended it.
template <typename Body>
int ExitStatusOf(const Body& body) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    alarm(kAlarmSeconds);
    body();
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_CASE("A process that something keeps is ended") {
  CHECK(ExitStatusOf([] {
          EndWatchdog watchdog;
          watchdog.Start(std::chrono::milliseconds(1), kExitStatus);
          for (;;) pause();
        }) == kExitStatus);
}

TEST_CASE("A process that ends in time is left alone") {
  CHECK(ExitStatusOf([] {
          EndWatchdog watchdog;
          watchdog.Start(std::chrono::hours(1), kExitStatus);
        }) == 0);
}

TEST_CASE("A watchdog that was never started ends nothing") {
  CHECK(ExitStatusOf([] { const EndWatchdog watchdog; }) == 0);
}

}  // namespace
}  // namespace layerd
