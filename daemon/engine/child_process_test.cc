#include "daemon/engine/child_process.h"

#include <poll.h>

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
  CHECK_THAT(std::string((*child)->Wait().message()),
             Catch::Contains("signal 9"));
}

TEST_CASE("ended_fd() is readable only when the child has ended") {
  auto child = ChildProcess::Start({"/bin/cat", "/dev/zero"});
  REQUIRE(child.ok());
  pollfd polled{(*child)->ended_fd(), POLLIN, 0};
  CHECK(poll(&polled, 1, 0) == 0);
}  // And its destructor ends it.

TEST_CASE("A program that is not there is an error") {
  CHECK(!ChildProcess::Start({"/nonexistent/program"}).ok());
}

}  // namespace
}  // namespace layerd
