#include "daemon/engine/child_process.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>

#include <fstream>
#include <string>
#include <thread>

#include "test/catch/catch.h"

namespace layerd {
namespace {

TEST_CASE("A child that ends well is OK") {
  auto child = ChildProcess::Start({"/bin/true"});
  REQUIRE(child.ok());
  CHECK((*child)->Wait().ok());
}

TEST_CASE("A child's last words are the error") {
  auto child =
      ChildProcess::Start({"/bin/sh", "-c", "echo too large >&2; exit 1"});
  REQUIRE(child.ok());
  CHECK((*child)->Wait().message() == "too large");
}

TEST_CASE("A child that a signal ended says which") {
  auto child = ChildProcess::Start({"/bin/sh", "-c", "kill -9 $$"});
  REQUIRE(child.ok());
  CHECK((*child)->Wait().message() ==
        "ended by signal 9 (Killed, as when memory runs out)");
}

TEST_CASE("Where memory runs out, a child goes first") {
  auto child = ChildProcess::Start(
      {"/bin/sh", "-c", "cat /proc/self/oom_score_adj >&2; exit 1"});
  REQUIRE(child.ok());
  CHECK((*child)->Wait().message() == "1000");
}

TEST_CASE("ended_fd() is readable only when the child has ended") {
  auto child = ChildProcess::Start({"/bin/cat", "/dev/zero"});
  REQUIRE(child.ok());
  pollfd polled{(*child)->ended_fd(), POLLIN, 0};
  CHECK(poll(&polled, 1, 0) == 0);
}  // And its destructor ends it.

std::string AllowedCpus() {
  std::ifstream status("/proc/thread-self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("Cpus_allowed_list:")) return line;
  }
  return "";
}

// Where there is one CPU, the first half of it holds of itself.
TEST_CASE("A child has the CPUs and the class that we began with") {
  const std::string cpus = AllowedCpus();
  REQUIRE(!cpus.empty());
  std::thread([&cpus] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<size_t>(sched_getcpu()), &one);
    REQUIRE(sched_setaffinity(0, sizeof(one), &one) == 0);
    const sched_param none{};
    REQUIRE(sched_setscheduler(0, SCHED_BATCH, &none) == 0);
    auto child = ChildProcess::Start(
        {"/bin/sh", "-c",
         "test \"$(grep Cpus_allowed_list /proc/self/status)\" = \"$0\" || "
         "{ grep Cpus_allowed_list /proc/self/status >&2; exit 1; }; "
         "test \"$(cut -d' ' -f41 /proc/self/stat)\" = 0 || "
         "{ echo it is SCHED_BATCH >&2; exit 1; }",
         cpus});
    REQUIRE(child.ok());
    CHECK((*child)->Wait().message() == "");
  }).join();
}

// The kernel then keeps nothing of it.
TEST_CASE("A child whose end nobody may see has not ended well") {
  signal(SIGCHLD, SIG_IGN);
  auto child = ChildProcess::Start({"/bin/false"});
  REQUIRE(child.ok());
  CHECK(!(*child)->Wait().ok());
  signal(SIGCHLD, SIG_DFL);
}

TEST_CASE("A program that is not there is an error") {
  CHECK(!ChildProcess::Start({"/nonexistent/program"}).ok());
}

}  // namespace
}  // namespace layerd
