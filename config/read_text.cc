#include "config/read_text.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/limits.h"

namespace layerd {
namespace {

absl::Status TooLarge(const std::string& path, uint64_t bytes) {
  return absl::InvalidArgumentError(
      absl::StrFormat("%s: %d bytes are no configuration; at most %d", path,
                      bytes, kConfigFileBytesMax));
}

// Not through a stream, which ends the process where a drive cannot read. What
// grows meanwhile is bounded, too.
absl::StatusOr<std::string> ReadAll(int fd, const std::string& path) {
  std::string text;
  std::array<char, 4096> piece;
  while (true) {
    const ssize_t bytes = read(fd, piece.data(), piece.size());
    if (bytes == 0) return text;
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return absl::ErrnoToStatus(errno, path);
    text.append(piece.data(), static_cast<size_t>(bytes));
    if (text.size() > kConfigFileBytesMax) return TooLarge(path, text.size());
  }
}

}  // namespace

absl::StatusOr<std::string> ReadTextFile(const std::string& path) {
  struct stat there;
  if (stat(path.c_str(), &there) != 0) {
    return absl::ErrnoToStatus(errno, path);
  }
  if (!S_ISREG(there.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": not a file"));
  }
  if (static_cast<uint64_t>(there.st_size) > kConfigFileBytesMax) {
    return TooLarge(path, static_cast<uint64_t>(there.st_size));
  }
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, path);
  auto text = ReadAll(fd, path);
  close(fd);
  return text;
}

}  // namespace layerd
