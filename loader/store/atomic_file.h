#ifndef LAYERD_LOADER_STORE_ATOMIC_FILE_H_
#define LAYERD_LOADER_STORE_ATOMIC_FILE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "loader/io/unique_fd.h"

namespace layerd {

// A file that appears under its name all at once, by Commit(). Until then it is
// PATH.tmp-N beside it, and goes away with this object; an older file of that
// name stays as it was. A process that is ended in between leaves PATH.tmp-N
// behind, without a lock on it: the next who makes PATH takes it away. If PATH
// is a symbolic link, what it points to is replaced.
//
// Errors:    RESOURCE_EXHAUSTED when the disk is full, PERMISSION_DENIED,
//            NOT_FOUND (folder), INVALID_ARGUMENT if something that is no file
//            has the name, INTERNAL otherwise; always with the path.
// Threading: one thread.
class AtomicFile {
 public:
  // Takes the room for `file_bytes` at once where the file system can, so that
  // a full disk is found before the work and not after it.
  static absl::StatusOr<AtomicFile> Create(const std::string& path,
                                           uint64_t file_bytes);
  ~AtomicFile();
  AtomicFile(AtomicFile&&) = default;
  AtomicFile& operator=(AtomicFile&&) = delete;

  // The drive begins to write at once, so that Commit() has little to wait for.
  absl::Status Write(uint64_t offset_bytes, std::span<const std::byte> bytes);

  // Syncs, renames, syncs the folder; the page cache keeps nothing. Once.
  absl::Status Commit();

 private:
  explicit AtomicFile(const std::string& path) : path_(path) {}

  absl::Status OpenTemporary();
  // Of others that write, nobody may take temporary_path_ for left behind.
  bool MakeOurs();
  absl::Status Reserve(uint64_t file_bytes);
  // What errno says about doing `what`.
  absl::Status Failed(const char* what) const;

  std::string path_;
  std::string temporary_path_;
  UniqueFd fd_;  // Open while there is a temporary file to take away.
};

// A whole file at once.
absl::Status WriteAtomically(const std::string& path,
                             std::string_view contents);

// Takes away a PATH.tmp-N that nobody writes any more; false if there is none,
// or somebody does.
bool RemoveIfLeftBehind(const std::string& temporary_path);

}  // namespace layerd

#endif  // LAYERD_LOADER_STORE_ATOMIC_FILE_H_
