#include "daemon/rt/standard_streams.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/catch/catch.h"

namespace layerd {
namespace {

// In a process of its own, whose exit status tells: 0 all is well.
int WithoutStreams(int (*look)()) {
  const pid_t child = fork();
  if (child == 0) {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) close(fd);
    KeepStandardStreams();
    _exit(look());
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

TEST_CASE("What is opened has no number of a stream that was not there") {
  CHECK(WithoutStreams([] {
          return open("/dev/null", O_RDWR) > STDERR_FILENO ? 0 : 1;
        }) == 0);
}

TEST_CASE("A stream that was not there takes and gives nothing") {
  CHECK(WithoutStreams([] {
          char byte = 'x';
          if (read(STDIN_FILENO, &byte, 1) >= 0) return 1;
          if (write(STDOUT_FILENO, &byte, 1) >= 0) return 2;
          return write(STDERR_FILENO, &byte, 1) >= 0 ? 3 : 0;
        }) == 0);
}

TEST_CASE("Streams that are there stay as they are") {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    KeepStandardStreams();
    _exit(write(STDOUT_FILENO, "x", 1) == 1 ? 0 : 1);
  }
  close(ends[1]);
  char byte = '\0';
  CHECK(read(ends[0], &byte, 1) == 1);
  CHECK(byte == 'x');
  close(ends[0]);
  CHECK(waitpid(child, nullptr, 0) == child);
}

}  // namespace
}  // namespace layerd
