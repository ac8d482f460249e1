#include "loader/store/atomic_file.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "test/catch/catch.h"
#include "test/scratch/file_size_limit.h"
#include "test/scratch/scratch_folder.h"

namespace layerd {
namespace {

std::span<const std::byte> BytesOf(const std::string& text) {
  return std::as_bytes(std::span(text));
}

using Names = std::vector<std::string>;

TEST_CASE("A file appears by Commit() and not before") {
  const ScratchFolder folder;
  WriteFile(folder / "file", "old");
  {
    auto file = AtomicFile::Create(folder / "file", 6);
    REQUIRE(file.ok());
    REQUIRE(file->Write(3, BytesOf("new")).ok());
    REQUIRE(file->Write(0, BytesOf("the")).ok());
    CHECK(ReadFile(folder / "file") == "old");
    REQUIRE(file->Commit().ok());
  }
  CHECK(ReadFile(folder / "file") == "thenew");
  CHECK(folder.Names() == Names{"file"});
}

TEST_CASE("A file that is not committed leaves the old one and nothing else") {
  const ScratchFolder folder;
  WriteFile(folder / "file", "old");
  {
    auto file = AtomicFile::Create(folder / "file", 3);
    REQUIRE(file.ok());
    REQUIRE(file->Write(0, BytesOf("new")).ok());
    CHECK(folder.Names() == Names{"file", "file.tmp-0"});
  }
  CHECK(ReadFile(folder / "file") == "old");
  CHECK(folder.Names() == Names{"file"});
}

TEST_CASE("Two who write the same file do not meet, and the last one wins") {
  const ScratchFolder folder;
  auto first = AtomicFile::Create(folder / "file", 5);
  auto second = AtomicFile::Create(folder / "file", 6);
  REQUIRE(first.ok());
  REQUIRE(second.ok());
  REQUIRE(first->Write(0, BytesOf("first")).ok());
  REQUIRE(second->Write(0, BytesOf("second")).ok());

  REQUIRE(first->Commit().ok());
  REQUIRE(second->Commit().ok());

  CHECK(ReadFile(folder / "file") == "second");
  CHECK(folder.Names() == Names{"file"});
}

TEST_CASE("What a writer that was killed has left goes with the next") {
  const ScratchFolder folder;
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    auto file = AtomicFile::Create(folder / "file", 5);
    kill(getpid(), SIGKILL);
  }
  REQUIRE(waitpid(child, nullptr, 0) == child);
  REQUIRE(folder.Names() == Names{"file.tmp-0"});

  auto file = AtomicFile::Create(folder / "file", 5);
  REQUIRE(file.ok());
  CHECK(folder.Names() == Names{"file.tmp-0"});
  CHECK(!RemoveIfLeftBehind(folder / "file.tmp-0"));
  REQUIRE(file->Commit().ok());
  CHECK(folder.Names() == Names{"file"});
}

TEST_CASE("Who may read a file, the umask says") {
  const ScratchFolder folder;
  const mode_t umask_before = umask(027);
  auto file = AtomicFile::Create(folder / "file", 0);
  umask(umask_before);
  REQUIRE(file.ok());
  REQUIRE(file->Commit().ok());

  struct stat facts;
  REQUIRE(stat((folder / "file").c_str(), &facts) == 0);
  CHECK((facts.st_mode & 0777) == 0640);
}

TEST_CASE("Behind a link the file is replaced, and the link stays") {
  const ScratchFolder folder;
  WriteFile(folder / "file", "old");
  REQUIRE(symlink("file", (folder / "link").c_str()) == 0);

  REQUIRE(WriteAtomically(folder / "link", "new").ok());

  CHECK(ReadFile(folder / "file") == "new");
  CHECK(std::filesystem::is_symlink(folder / "link"));
  CHECK(folder.Names() == Names{"file", "link"});
}

TEST_CASE("What cannot be replaced is refused before any work") {
  const ScratchFolder folder;
  struct Row {
    std::string path;
    absl::StatusCode code;
  };
  for (const Row& row : std::vector<Row>{
           {folder / "none/file", absl::StatusCode::kNotFound},
           {folder.path(), absl::StatusCode::kInvalidArgument},
           {"/dev/null", absl::StatusCode::kInvalidArgument},
       }) {
    INFO(row.path);
    const absl::Status status = AtomicFile::Create(row.path, 1).status();
    CHECK(status.code() == row.code);
    CHECK_THAT(std::string(status.message()), Catch::Contains(row.path));
  }
}

TEST_CASE("Too little room is found before the first byte is written") {
  const ScratchFolder folder;
  WriteFile(folder / "file", "old");
  absl::Status status;
  {
    const FileSizeLimit limit(1 << 20);
    status = AtomicFile::Create(folder / "file", 2 << 20).status();
  }
  CHECK(absl::IsResourceExhausted(status));
  CHECK_THAT(std::string(status.message()),
             Catch::Contains(folder / "file") && Catch::Contains("room"));
  CHECK(ReadFile(folder / "file") == "old");
  CHECK(folder.Names() == Names{"file"});
}

TEST_CASE("A disk that fills up while writing leaves the old file") {
  const ScratchFolder folder;
  WriteFile(folder / "file", "old");
  absl::Status status;
  {
    auto file = AtomicFile::Create(folder / "file", 2 << 20);
    REQUIRE(file.ok());
    const FileSizeLimit limit(1 << 20);
    status = file->Write(0, BytesOf(std::string(2 << 20, 'a')));
  }
  CHECK(absl::IsResourceExhausted(status));
  CHECK(ReadFile(folder / "file") == "old");
  CHECK(folder.Names() == Names{"file"});
}

constexpr int kNotAllowed = 77;

// Runs `body` in a child that has a file system of 1 MiB of its own mounted at
// `folder`, and returns what `body` did.
int OnSmallDisk(const std::string& folder, const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    const bool mounted =
        (unshare(CLONE_NEWNS) == 0 ||
         unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) &&
        mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
        mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=1m") == 0;
    _exit(mounted ? body() : kNotAllowed);
  }
  int result = 0;
  waitpid(child, &result, 0);
  return WIFEXITED(result) ? WEXITSTATUS(result) : -1;
}

TEST_CASE("A disk that is really full leaves the old file") {
  const ScratchFolder folder;

  const int result = OnSmallDisk(folder.path(), [&folder] {
    WriteFile(folder / "file", "old");
    const absl::Status status =
        AtomicFile::Create(folder / "file", 2 << 20).status();
    if (!absl::IsResourceExhausted(status)) return 1;
    if (ReadFile(folder / "file") != "old") return 2;
    return folder.Names() == Names{"file"} ? 0 : 3;
  });

  if (result == kNotAllowed) {
    WARN("SKIPPED: this user may not mount a file system of their own");
    return;
  }
  CHECK(result == 0);
}

}  // namespace
}  // namespace layerd
