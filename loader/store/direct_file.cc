#include "loader/store/direct_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_format.h"
#include "config/check.h"
#include "config/status_macros.h"
#include "loader/store/format.h"
#include "loader/store/page_buffer.h"

namespace layerd {
namespace {

// O_NONBLOCK, or a pipe of that name would make us wait for its writer.
constexpr int kOpenFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;

// And off again: io_uring answers EAGAIN on a descriptor that has it.
absl::Status LetReadsWait(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) != 0) {
    return absl::ErrnoToStatus(errno, "fcntl");
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> SizeOfRegularFile(int fd) {
  struct stat facts;
  if (fstat(fd, &facts) != 0) return absl::ErrnoToStatus(errno, "fstat");
  if (!S_ISREG(facts.st_mode)) {
    return absl::InvalidArgumentError("this is no regular file");
  }
  return facts.st_size;
}

}  // namespace

absl::StatusOr<DirectFile> DirectFile::Open(const std::string& path) {
  DirectFile file;
  file.fd_ = UniqueFd(open(path.c_str(), kOpenFlags | O_DIRECT));
  file.direct_ = static_cast<bool>(file.fd_);
  if (!file.fd_ && errno == EINVAL) {
    file.fd_ = UniqueFd(open(path.c_str(), kOpenFlags));
  }
  if (!file.fd_) return absl::ErrnoToStatus(errno, "cannot be opened");
  ASSIGN_OR_RETURN(file.file_bytes_, SizeOfRegularFile(file.fd()));
  RETURN_IF_ERROR(LetReadsWait(file.fd()));
  if (file.direct_ && file.file_bytes_ > 0) RETURN_IF_ERROR(file.TryDirect());
  return file;
}

// Some file systems take O_DIRECT and refuse the first read, and so do drives
// with sectors of more than 4 KiB.
absl::Status DirectFile::TryDirect() {
  PageBuffer page(kPageBytes);
  if (pread(fd(), page.bytes().data(), kPageBytes, 0) >= 0 || errno != EINVAL) {
    return absl::OkStatus();  // What else is wrong, Read() will say.
  }
  const int flags = fcntl(fd(), F_GETFL);
  if (flags < 0 || fcntl(fd(), F_SETFL, flags & ~O_DIRECT) != 0) {
    return absl::ErrnoToStatus(errno, "fcntl");
  }
  direct_ = false;
  return absl::OkStatus();
}

absl::Status DirectFile::Read(uint64_t offset_bytes,
                              std::span<std::byte> into) const {
  LAYERD_CHECK(offset_bytes % kPageBytes == 0 && offset_bytes < file_bytes_);
  LAYERD_CHECK(into.size() % kPageBytes == 0);
  const size_t wanted_bytes =
      std::min<uint64_t>(into.size(), file_bytes_ - offset_bytes);
  size_t done_bytes = 0;
  while (done_bytes < wanted_bytes) {
    // A read that was cut short begins again on a page.
    const size_t begin = done_bytes - done_bytes % kPageBytes;
    const ssize_t result = pread(fd(), into.data() + begin, into.size() - begin,
                                 offset_bytes + begin);
    if (result < 0 && errno == EINTR) continue;
    if (result < 0) {
      return absl::DataLossError(
          absl::StrFormat("the drive cannot read %d bytes at offset %d: %s",
                          wanted_bytes, offset_bytes, std::strerror(errno)));
    }
    if (begin + result <= done_bytes) {
      return absl::DataLossError(absl::StrFormat(
          "the file ends at offset %d, and had %d bytes when it was opened",
          offset_bytes + begin + result, file_bytes_));
    }
    done_bytes = begin + result;
  }
  if (!direct_) {
    posix_fadvise(fd(), offset_bytes, into.size(), POSIX_FADV_DONTNEED);
  }
  return absl::OkStatus();
}

}  // namespace layerd
