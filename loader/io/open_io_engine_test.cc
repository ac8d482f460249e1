#include "loader/io/open_io_engine.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/status/status.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

// Runs `body` in a child that can open no more files, so that io_uring is
// refused; its answer is the exit code.
template <typename Body>
int ExitCodeWithoutFiles(Body body) {
  const pid_t child = fork();
  if (child == 0) {
    const rlimit none{0, 0};
    if (setrlimit(RLIMIT_NOFILE, &none) != 0) _exit(100);
    _exit(body());
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_CASE("Words for engines are known, others are refused with the choice") {
  CHECK(*ParseIoEngineKind("auto") == IoEngineKind::kAuto);
  CHECK(*ParseIoEngineKind("io_uring") == IoEngineKind::kIoUring);
  CHECK(*ParseIoEngineKind("pread") == IoEngineKind::kPread);
  const auto kind = ParseIoEngineKind("aio");
  REQUIRE(absl::IsInvalidArgument(kind.status()));
  CHECK_THAT(std::string(kind.status().message()),
             Catch::Contains("'aio'") && Catch::Contains("io_uring or pread"));
}

TEST_CASE("pread is to be had everywhere, and needs no warning") {
  const auto choice = OpenIoEngine(IoEngineKind::kPread, 3);
  REQUIRE(choice.ok());
  CHECK(choice->engine->depth() == 3);
  CHECK(choice->warnings.empty());
}

TEST_CASE("Where io_uring is refused, auto reads with pread and warns") {
  const int code = ExitCodeWithoutFiles([] {
    const auto choice = OpenIoEngine(IoEngineKind::kAuto, 4);
    if (!choice.ok() || choice->engine == nullptr) return 1;
    if (choice->warnings.size() != 1) return 2;
    const std::string& warning = choice->warnings[0];
    if (warning.find("io_uring is refused") == warning.npos) return 3;
    return warning.find("pread") == warning.npos ? 4 : 0;
  });
  CHECK(code == 0);
}

TEST_CASE("Where io_uring is refused and asked for by name, that is an error") {
  const int code = ExitCodeWithoutFiles([] {
    const auto choice = OpenIoEngine(IoEngineKind::kIoUring, 4);
    return absl::IsUnavailable(choice.status()) ? 0 : 1;
  });
  CHECK(code == 0);
}

}  // namespace
}  // namespace layerd
