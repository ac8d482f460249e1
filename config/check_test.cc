#include "config/check.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <functional>
#include <string>

#include "absl/strings/str_format.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

struct Death {
  int signal;  // 0 if it lived.
  std::string words;
};

// Runs `last_words` in a child process and tells how that ended.
Death DieOf(const std::function<void()>& last_words) {
  std::array<int, 2> pipe_fds;
  REQUIRE(pipe(pipe_fds.data()) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);
    dup2(pipe_fds[1], STDERR_FILENO);
    last_words();
    _exit(0);
  }
  close(pipe_fds[1]);
  Death death = {};
  std::array<char, 512> read_now;
  for (ssize_t n;
       (n = read(pipe_fds[0], read_now.data(), read_now.size())) > 0;)
    death.words.append(read_now.data(), n);
  close(pipe_fds[0]);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status)) death.signal = WTERMSIG(status);
  return death;
}

TEST_CASE("A check that holds evaluates no note and lives on") {
  int notes = 0;
  const auto note = [&] { return std::to_string(++notes); };

  LAYERD_CHECK(1 + 1 == 2);
  LAYERD_CHECK(1 + 1 == 2, note());

  CHECK(notes == 0);
}

TEST_CASE("A check that fails says where and what, and aborts") {
  const Death death = DieOf([] { LAYERD_CHECK(1 + 1 == 3); });

  CHECK(death.signal == SIGABRT);
  CHECK_THAT(death.words, Catch::Contains("config/check_test.cc:") &&
                              Catch::Contains("check failed: 1 + 1 == 3"));
}

TEST_CASE("A check that fails adds its note") {
  const int tile = 17;

  const Death death =
      DieOf([&] { LAYERD_CHECK(tile < 4, absl::StrFormat("tile %d", tile)); });

  CHECK(death.signal == SIGABRT);
  CHECK_THAT(death.words, Catch::Contains("tile < 4 (tile 17)"));
}

TEST_CASE("A check is an expression, also where no braces are") {
  const bool lives = true;
  if (lives)
    LAYERD_CHECK(lives);
  else
    LAYERD_CHECK(!lives, "the other branch");
}

}  // namespace
}  // namespace layerd
