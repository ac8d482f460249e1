#include "config/read_text.h"

#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <iterator>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/limits.h"

namespace layerd {

absl::StatusOr<std::string> ReadTextFile(const std::string& path) {
  struct stat there;
  if (stat(path.c_str(), &there) != 0) {
    return absl::ErrnoToStatus(errno, path);
  }
  if (!S_ISREG(there.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": not a file"));
  }
  if (static_cast<uint64_t>(there.st_size) > kConfigFileBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: %d bytes are no configuration; at most %d", path,
                        there.st_size, kConfigFileBytesMax));
  }
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)),
                   std::istreambuf_iterator<char>());
  if (!file) return absl::ErrnoToStatus(EACCES, path);
  return text;
}

}  // namespace layerd
