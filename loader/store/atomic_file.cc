#include "loader/store/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_format.h"
#include "config/status_macros.h"

namespace layerd {
namespace {

constexpr int kTemporaryNames = 1000;  // Tried before we give up.

absl::StatusCode CodeOf(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return absl::StatusCode::kResourceExhausted;
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::StatusCode::kPermissionDenied;
    case ENOENT:
    case ENOTDIR:
      return absl::StatusCode::kNotFound;
    default:
      return absl::StatusCode::kInternal;
  }
}

std::string FolderOf(const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path();
  return folder.empty() ? "." : folder.string();
}

// Renaming over a link would part it from its file: /dev/stdout is one.
std::string BehindLinks(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_symlink(path, error)) return path;
  const auto behind = std::filesystem::canonical(path, error);
  return error ? path : behind.string();  // It points nowhere.
}

// Renaming over a device or a folder would do harm or fail after all the work.
absl::Status CheckReplaceable(const std::string& path) {
  struct stat facts;
  if (stat(path.c_str(), &facts) != 0 || S_ISREG(facts.st_mode)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrFormat("%s: cannot be replaced, it is no regular file", path));
}

}  // namespace

absl::StatusOr<AtomicFile> AtomicFile::Create(const std::string& path,
                                              uint64_t file_bytes) {
  RETURN_IF_ERROR(CheckReplaceable(path));
  AtomicFile file(BehindLinks(path));
  RETURN_IF_ERROR(file.OpenTemporary());
  RETURN_IF_ERROR(file.Reserve(file_bytes));
  return file;
}

AtomicFile::~AtomicFile() {
  if (fd_) unlink(temporary_path_.c_str());
}

// Unlike mkostemp(), leaves the permissions to the umask of who packs.
absl::Status AtomicFile::OpenTemporary() {
  for (int i = 0; i < kTemporaryNames; ++i) {
    temporary_path_ = absl::StrFormat("%s.tmp-%d", path_, i);
    RemoveIfLeftBehind(temporary_path_);
    fd_ = UniqueFd(open(temporary_path_.c_str(),
                        O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (!fd_ && errno != EEXIST) return Failed("create");
    if (fd_ && MakeOurs()) return absl::OkStatus();
    fd_.Reset();
  }
  errno = EEXIST;
  return Failed("create");
}

// Whoever looked before we had the lock may have removed it.
bool AtomicFile::MakeOurs() {
  if (flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) return errno != EWOULDBLOCK;
  struct stat facts;
  return fstat(fd_.get(), &facts) == 0 && facts.st_nlink > 0;
}

absl::Status AtomicFile::Reserve(uint64_t file_bytes) {
  if (file_bytes == 0) return absl::OkStatus();
  int result;
  do {
    result = fallocate(fd_.get(), 0, 0, static_cast<off_t>(file_bytes));
  } while (result != 0 && errno == EINTR);
  // posix_fallocate() would write zeros where the file system cannot do this.
  if (result == 0 || errno == EOPNOTSUPP || errno == ENOSYS) {
    return absl::OkStatus();
  }
  return Failed("reserve room for");
}

absl::Status AtomicFile::Write(uint64_t offset_bytes,
                               std::span<const std::byte> bytes) {
  const uint64_t begin = offset_bytes;
  while (!bytes.empty()) {
    const ssize_t result =
        pwrite(fd_.get(), bytes.data(), bytes.size(), offset_bytes);
    if (result < 0 && errno == EINTR) continue;
    if (result < 0) return Failed("write");
    offset_bytes += result;
    bytes = bytes.subspan(result);
  }
  sync_file_range(fd_.get(), begin, offset_bytes - begin,
                  SYNC_FILE_RANGE_WRITE);
  return absl::OkStatus();
}

absl::Status AtomicFile::Commit() {
  if (fsync(fd_.get()) != 0) return Failed("sync");
  posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_DONTNEED);
  if (rename(temporary_path_.c_str(), path_.c_str()) != 0) {
    return Failed("rename");
  }
  fd_.Reset();
  const UniqueFd folder(
      open(FolderOf(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || fsync(folder.get()) != 0) return Failed("sync the folder of");
  return absl::OkStatus();
}

absl::Status WriteAtomically(const std::string& path,
                             std::string_view contents) {
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path, contents.size()));
  RETURN_IF_ERROR(file.Write(0, std::as_bytes(std::span(contents))));
  return file.Commit();
}

bool RemoveIfLeftBehind(const std::string& temporary_path) {
  const UniqueFd fd(open(temporary_path.c_str(),
                         O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat locked, there;
  return fd && flock(fd.get(), LOCK_EX | LOCK_NB) == 0 &&
         fstat(fd.get(), &locked) == 0 &&
         stat(temporary_path.c_str(), &there) == 0 &&
         locked.st_ino == there.st_ino &&  // Else it is another one by now.
         unlink(temporary_path.c_str()) == 0;
}

absl::Status AtomicFile::Failed(const char* what) const {
  const int error = errno;
  const std::string note = CodeOf(error) == absl::StatusCode::kResourceExhausted
                               ? "; make room and try again"
                               : "";
  return absl::Status(CodeOf(error),
                      absl::StrFormat("%s: cannot %s it: %s%s", path_, what,
                                      std::strerror(error), note));
}

}  // namespace layerd
