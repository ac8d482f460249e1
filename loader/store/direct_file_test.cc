#include "loader/store/direct_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "loader/store/page_buffer.h"
#include "test/catch/catch.h"
#include "test/scratch/scratch_folder.h"

namespace layerd {
namespace {

std::string TextOf(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST_CASE("A file is read up to its end, which need not be on a page") {
  const ScratchFolder folder;
  const std::string text = std::string(5000, 'a') + "the end";
  WriteFile(folder / "file", text);
  const auto file = DirectFile::Open(folder / "file");
  REQUIRE(file.ok());
  PageBuffer buffer(2 * kPageBytes);

  REQUIRE(file->Read(0, buffer.bytes()).ok());
  CHECK(file->file_bytes() == text.size());
  CHECK(TextOf(buffer.bytes()).substr(0, text.size()) == text);

  REQUIRE(file->Read(kPageBytes, buffer.bytes().first(kPageBytes)).ok());
  CHECK(TextOf(buffer.bytes()).substr(0, 911) == text.substr(kPageBytes));
}

TEST_CASE("What is no file is refused at once") {
  const ScratchFolder folder;
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);

  CHECK(absl::IsNotFound(DirectFile::Open(folder / "none").status()));
  CHECK(absl::IsInvalidArgument(DirectFile::Open(folder.path()).status()));
  CHECK(absl::IsInvalidArgument(DirectFile::Open(folder / "pipe").status()));
  CHECK(absl::IsInvalidArgument(DirectFile::Open("/dev/null").status()));
}

TEST_CASE("A descriptor says what it is: it waits, and it is direct or not") {
  const ScratchFolder folder;
  WriteFile(folder / "file", std::string(kPageBytes, 'a'));
  const auto file = DirectFile::Open(folder / "file");
  REQUIRE(file.ok());

  const int flags = fcntl(file->fd(), F_GETFL);

  CHECK((flags & O_NONBLOCK) == 0);
  CHECK(((flags & O_DIRECT) != 0) == file->direct());
  CHECK((fcntl(file->fd(), F_GETFD) & FD_CLOEXEC) != 0);
}

// A file system that has no direct reads.
TEST_CASE("Where direct reads are refused, reads are buffered") {
  const std::string path = "/proc/self/cmdline";
  const int direct_fd = open(path.c_str(), O_RDONLY | O_DIRECT);
  if (direct_fd >= 0) {
    close(direct_fd);
    WARN("SKIPPED: " << path << " can be opened with O_DIRECT");
    return;
  }

  const auto file = DirectFile::Open(path);

  REQUIRE(file.ok());
  CHECK_FALSE(file->direct());
}

TEST_CASE("A file that became shorter is DATA_LOSS with the place") {
  const ScratchFolder folder;
  WriteFile(folder / "file", std::string(3 * kPageBytes, 'a'));
  const auto file = DirectFile::Open(folder / "file");
  REQUIRE(file.ok());
  REQUIRE(truncate((folder / "file").c_str(), kPageBytes) == 0);
  PageBuffer buffer(3 * kPageBytes);

  const absl::Status status = file->Read(0, buffer.bytes());

  REQUIRE(absl::IsDataLoss(status));
  CHECK_THAT(std::string(status.message()),
             Catch::Contains("ends at offset 4096"));
}

}  // namespace
}  // namespace layerd
