#ifndef LAYERD_LOADER_STORE_DIRECT_FILE_H_
#define LAYERD_LOADER_STORE_DIRECT_FILE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "loader/io/unique_fd.h"

namespace layerd {

// A regular file that is read past the page cache where its file system can do
// that, and through it, dropping what stays there, where it cannot.
//
// Errors:    name neither the file nor what is read: the caller knows more.
// Threading: immutable after Open().
class DirectFile {
 public:
  DirectFile() = default;

  // NOT_FOUND, PERMISSION_DENIED, or INVALID_ARGUMENT for what is no file.
  static absl::StatusOr<DirectFile> Open(const std::string& path);

  int fd() const { return fd_.get(); }
  bool direct() const { return direct_; }
  uint64_t file_bytes() const { return file_bytes_; }

  // Fills `into`, but for what lies past the end of the file. DATA_LOSS if the
  // file has become shorter or the drive cannot read it.
  // REQUIRES: offset and `into` are whole pages, and begin inside the file.
  absl::Status Read(uint64_t offset_bytes, std::span<std::byte> into) const;

 private:
  absl::Status TryDirect();

  UniqueFd fd_;
  bool direct_ = false;
  uint64_t file_bytes_ = 0;
};

}  // namespace layerd

#endif  // LAYERD_LOADER_STORE_DIRECT_FILE_H_
