#include "loader/io/open_io_engine.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <iostream>
#include <iterator>

#include "absl/status/status.h"
#include "test/catch/catch.h"
#include "test/scratch/no_rights.h"

namespace layerd {
namespace {

template <typename Resource>
void Limit(Resource resource, rlim_t most) {
  rlimit limit{};
  getrlimit(resource, &limit);
  limit.rlim_cur = most;
  if (setrlimit(resource, &limit) != 0) _exit(100);
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
  const int code = ExitCodeWithoutRights([] {
    Limit(RLIMIT_NOFILE, 0);
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
  const int code = ExitCodeWithoutRights([] {
    Limit(RLIMIT_NOFILE, 0);
    const auto choice = OpenIoEngine(IoEngineKind::kIoUring, 4);
    return absl::IsUnavailable(choice.status()) ? 0 : 1;
  });
  CHECK(code == 0);
}

// As sandboxes do. False if there are no filters here.
bool ForbidIoUring() {
  sock_filter steps[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{std::size(steps), steps};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

TEST_CASE("Who is refused io_uring by a sandbox hears what it has to allow") {
  constexpr int kNoFilters = 9;
  const int code = ExitCodeWithoutRights([] {
    if (!ForbidIoUring()) return kNoFilters;
    const std::string why(
        OpenIoEngine(IoEngineKind::kIoUring, 4).status().message());
    const bool by_sysctl = why.find("kernel.io_uring_disabled=0") != why.npos;
    return by_sysctl || why.find("io_uring_setup") != why.npos ? 0 : 1;
  });
  if (code == kNoFilters) {
    std::cout << "SKIPPED: no seccomp here\n";
    return;
  }
  CHECK(code == 0);
}

TEST_CASE("Where memory may not be registered, reads work all the same") {
  if (!OpenIoEngine(IoEngineKind::kIoUring, 4).ok()) {
    std::cout << "SKIPPED: no io_uring here\n";
    return;
  }
  // Locked pages are counted for all processes of a user, so a limit above 0
  // would leave it to the others whether the ring itself can be opened.
  const int code = ExitCodeWithoutRights([] {
    const auto choice = OpenIoEngine(IoEngineKind::kIoUring, 4);
    if (!choice.ok()) return 5;
    Limit(RLIMIT_MEMLOCK, 0);
    void* const memory = std::aligned_alloc(4096, 1 << 20);
    const std::span<std::byte> into(static_cast<std::byte*>(memory), 1 << 20);
    const absl::Status registered = choice->engine->RegisterMemory(into);
    if (!absl::IsResourceExhausted(registered)) return 2;
    if (registered.message().find("ulimit -l") == std::string::npos) return 3;
    const int zeros = open("/dev/zero", O_RDONLY);
    into[4095] = std::byte{1};
    choice->engine->Submit({zeros, 0, into.first(4096), 5});
    ReadCompletion completion;
    while (choice->engine->Reap({&completion, 1}, /*wait=*/true) == 0) {
    }
    return completion.result == 4096 && into[4095] == std::byte{0} ? 0 : 4;
  });
  CHECK(code == 0);
}

}  // namespace
}  // namespace layerd
