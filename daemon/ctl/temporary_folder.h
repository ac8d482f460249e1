#ifndef LAYERD_DAEMON_CTL_TEMPORARY_FOLDER_H_
#define LAYERD_DAEMON_CTL_TEMPORARY_FOLDER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "loader/io/unique_fd.h"

namespace layerd {

// A folder for files that nobody is to find later. It goes, with all that is in
// it, with this object; or when SIGINT, SIGTERM or SIGHUP ends the process,
// which they do only once it is gone. What a process that was killed has left
// goes when the next folder is made beside it.
//
// Threading: free for all. The first one starts a thread, which waits for those
// signals; what is ignored (nohup) stays ignored.
class TemporaryFolder {
 public:
  // In the first of `parents` that takes it. Errors: what the last of them
  // says. REQUIRES: there is one.
  static absl::StatusOr<TemporaryFolder> Make(
      const std::vector<std::string>& parents);
  ~TemporaryFolder();
  TemporaryFolder(TemporaryFolder&& other) noexcept;
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;

  std::string operator/(const std::string& name) const {
    return path_ + "/" + name;
  }
  const std::string& path() const { return path_; }

 private:
  TemporaryFolder(std::string path, UniqueFd lock);

  std::string path_;  // Empty once moved away.
  UniqueFd lock_;     // Held while somebody uses the folder.
};

// $TMPDIR, or /tmp.
std::string SystemTemporaryFolder();

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_TEMPORARY_FOLDER_H_
