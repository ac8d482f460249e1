#include "daemon/pack/graph/source_file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "config/status_macros.h"

namespace layerd {
namespace {

// A FIFO must not make us wait for its writer.
constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;

absl::StatusOr<std::unique_ptr<SourceFile>> Own(UniqueFd fd, std::string path) {
  struct stat info;
  if (fstat(fd.get(), &info) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat(path, ": fstat"));
  }
  if (S_ISDIR(info.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is a folder, not a file"));
  }
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": not a regular file"));
  }
  auto file = std::make_unique<SourceFile>();
  file->path = std::move(path);
  file->fd = std::move(fd);
  file->bytes = static_cast<uint64_t>(info.st_size);
  return file;
}

absl::Status CheckLocation(const std::string& location) {
  const auto refuse = [&](const char* why) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "external data location \"%s\" %s; it must name a file in or below "
        "the model's folder",
        Printable(location), why));
  };
  if (location.empty()) return refuse("is empty");
  if (location.size() > 4096) return refuse("is too long");
  if (location.front() == '/') return refuse("is absolute");
  if (location.find('\0') != std::string::npos) return refuse("has a NUL");
  for (const auto component : absl::StrSplit(location, '/')) {
    if (component == "..") return refuse("climbs out with \"..\"");
  }
  return absl::OkStatus();
}

bool IsLink(int folder, const std::string& name) {
  struct stat info;
  return fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISLNK(info.st_mode);
}

// For kernels before 5.6: one component at a time, following no link.
UniqueFd OpenByComponents(int folder, const std::string& location) {
  const std::vector<std::string> components =
      absl::StrSplit(location, '/', absl::SkipEmpty());
  UniqueFd at(dup(folder));
  for (size_t i = 0; at && i < components.size(); ++i) {
    // A folder that is a link would be ENOTDIR.
    if (IsLink(at.get(), components[i])) {
      errno = ELOOP;
      return UniqueFd();
    }
    const bool is_last = i + 1 == components.size();
    at = UniqueFd(openat(
        at.get(), components[i].c_str(),
        O_NOFOLLOW | (is_last ? kFlags : O_PATH | O_CLOEXEC | O_DIRECTORY)));
  }
  return at;
}

UniqueFd OpenBeneath(int folder, const std::string& location) {
  open_how how = {};
  how.flags = kFlags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  const long fd =
      syscall(SYS_openat2, folder, location.c_str(), &how, sizeof(how));
  if (fd >= 0) return UniqueFd(static_cast<int>(fd));
  // Containers' filters answer EPERM for calls that they do not know.
  if (errno != ENOSYS && errno != EPERM) return UniqueFd();
  return OpenByComponents(folder, location);
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new()) {
    ok_ = context_ != nullptr &&
          EVP_DigestInit_ex(context_, EVP_sha256(), nullptr) == 1;
  }
  ~Sha256() { EVP_MD_CTX_free(context_); }
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void Update(std::span<const std::byte> bytes) {
    ok_ = ok_ && EVP_DigestUpdate(context_, bytes.data(), bytes.size()) == 1;
  }

  absl::StatusOr<std::string> Hex() {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    ok_ = ok_ && EVP_DigestFinal_ex(context_, digest, &size) == 1;
    if (!ok_) return absl::InternalError("OpenSSL refuses to compute SHA-256");
    return absl::BytesToHexString(
        absl::string_view(reinterpret_cast<const char*>(digest), size));
  }

 private:
  EVP_MD_CTX* context_;
  bool ok_;
};

absl::Status Hash(const SourceFile& file, Sha256& sha256) {
  std::vector<std::byte> buffer(
      std::min<uint64_t>(file.bytes, uint64_t{1} << 20));
  for (uint64_t at = 0; at < file.bytes; at += buffer.size()) {
    const std::span<std::byte> chunk = std::span(buffer).first(
        std::min<uint64_t>(buffer.size(), file.bytes - at));
    RETURN_IF_ERROR(ReadSource(file, at, chunk));
    sha256.Update(chunk);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<SourceFile>> OpenSource(
    const std::string& path) {
  UniqueFd fd(open(path.c_str(), kFlags));
  if (!fd) return absl::ErrnoToStatus(errno, path);
  return Own(std::move(fd), path);
}

absl::StatusOr<std::unique_ptr<SourceFile>> OpenBeneathModel(
    const std::string& model_path, const std::string& location) {
  RETURN_IF_ERROR(CheckLocation(location));
  const std::string folder_path = FolderOf(model_path);
  const std::string path =
      absl::StrCat(folder_path, "/", absl::CHexEscape(location));
  const UniqueFd folder(
      open(folder_path.c_str(), O_PATH | O_CLOEXEC | O_DIRECTORY));
  if (!folder) return absl::ErrnoToStatus(errno, folder_path);
  UniqueFd fd = OpenBeneath(folder.get(), location);
  if (!fd && (errno == ELOOP || errno == EXDEV)) {
    return absl::InvalidArgumentError(absl::StrCat(
        path,
        ": external data behind a symbolic link is refused; copy the "
        "file into the model's folder"));
  }
  if (!fd) {
    return absl::ErrnoToStatus(
        errno,
        absl::StrCat("weights beside the model (external data), ", path));
  }
  return Own(std::move(fd), path);
}

absl::Status ReadSource(const SourceFile& file, uint64_t offset_bytes,
                        std::span<std::byte> out) {
  size_t done = 0;
  while (done < out.size()) {
    const ssize_t got =
        pread(file.fd.get(), out.data() + done, out.size() - done,
              static_cast<off_t>(offset_bytes + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::ErrnoToStatus(errno, file.path);
    if (got == 0) {
      return absl::DataLossError(absl::StrFormat(
          "%s: ends at %d bytes, %d were there when it was opened", file.path,
          offset_bytes + done, file.bytes));
    }
    done += static_cast<size_t>(got);
  }
  posix_fadvise(file.fd.get(), static_cast<off_t>(offset_bytes),
                static_cast<off_t>(out.size()), POSIX_FADV_DONTNEED);
  return absl::OkStatus();
}

absl::StatusOr<std::string> Sha256OfSources(
    const std::vector<std::unique_ptr<SourceFile>>& files) {
  Sha256 sha256;
  for (const auto& file : files) {
    if (file != files.front()) {
      sha256.Update(std::as_bytes(std::span(&file->bytes, 1)));
    }
    RETURN_IF_ERROR(Hash(*file, sha256));
  }
  return sha256.Hex();
}

}  // namespace layerd
