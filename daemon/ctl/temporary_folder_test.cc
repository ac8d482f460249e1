#include "daemon/ctl/temporary_folder.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "test/catch/catch.h"
#include "test/scratch/scratch_folder.h"

namespace layerd {
namespace {

namespace fs = std::filesystem;

void MakeWithFile(const std::string& parent,
                  std::optional<TemporaryFolder>* folder) {
  auto made = TemporaryFolder::Make({parent});
  REQUIRE(made.ok());
  fs::create_directory(*made / "inner");
  std::ofstream(*made / "inner/file") << "bytes";
  folder->emplace(*std::move(made));
}

// What a child ends with that makes a folder and then does that.
template <typename Then>
int StatusOfChild(const std::string& parent, Then then) {
  const pid_t child = fork();
  if (child == 0) {
    // The test's own handlers are no part of it.
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) signal(number, SIG_DFL);
    std::optional<TemporaryFolder> folder;
    MakeWithFile(parent, &folder);
    then();
    _exit(99);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

TEST_CASE("A temporary folder goes with its object") {
  const ScratchFolder scratch;
  std::optional<TemporaryFolder> folder;
  MakeWithFile(scratch.path(), &folder);
  CHECK(fs::exists(*folder / "inner/file"));
  TemporaryFolder moved = *std::move(folder);
  folder.reset();
  CHECK(fs::exists(moved / "inner/file"));
  { const TemporaryFolder last = std::move(moved); }
  CHECK(scratch.Names().empty());
}

TEST_CASE("A signal that ends the process takes the folder along") {
  const int number = GENERATE(SIGINT, SIGTERM, SIGHUP);
  const ScratchFolder scratch;
  const int status = StatusOfChild(scratch.path(), [number] {
    kill(getpid(), number);
    while (true) pause();
  });
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == number);
  CHECK(fs::is_empty(scratch.path()));
}

TEST_CASE("What a killed process has left goes with the next folder") {
  const ScratchFolder scratch;
  const int status =
      StatusOfChild(scratch.path(), [] { kill(getpid(), SIGKILL); });
  REQUIRE(WIFSIGNALED(status));
  CHECK_FALSE(fs::is_empty(scratch.path()));
  // Of those that are in use nothing goes.
  std::optional<TemporaryFolder> first, second;
  MakeWithFile(scratch.path(), &first);
  MakeWithFile(scratch.path(), &second);
  CHECK(fs::exists(*first / "inner/file"));
  first.reset();
  second.reset();
  CHECK(fs::is_empty(scratch.path()));
}

TEST_CASE("Where one parent takes no folder the next one has to") {
  const ScratchFolder scratch;
  const auto folder = TemporaryFolder::Make({"/proc/none", scratch.path()});
  REQUIRE(folder.ok());
  CHECK(fs::path(folder->path()).parent_path() == scratch.path());
  CHECK_THAT(
      std::string(TemporaryFolder::Make({"/proc/none"}).status().message()),
      Catch::Contains("/proc/none"));
}

}  // namespace
}  // namespace layerd
