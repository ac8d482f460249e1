#include "daemon/ctl/temporary_folder.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "config/check.h"

namespace layerd {
namespace {

namespace fs = std::filesystem;

constexpr char kPrefix[] = "layerctl-scratch-";

// What goes when a signal ends us. Never destroyed, as the thread that waits
// for signals outlives all that is.
struct Registry {
  std::mutex mutex;
  std::set<std::string> paths;
  pid_t process = 0;  // Whose signals are waited for.
};

Registry& Folders() {
  static auto* const registry = new Registry;
  return *registry;
}

void RemoveAll(const std::string& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

int signal_pipe[2] = {-1, -1};  // Of signals that came, a byte each.

void PassOn(int number) {
  const int errno_before = errno;
  const auto byte = static_cast<unsigned char>(number);
  [[maybe_unused]] const ssize_t written = write(signal_pipe[1], &byte, 1);
  errno = errno_before;
}

[[noreturn]] void RemoveAndEnd() {
  unsigned char number = 0;
  while (read(signal_pipe[0], &number, 1) != 1) {
  }
  Registry& folders = Folders();
  const std::lock_guard<std::mutex> lock(folders.mutex);  // Nobody makes more.
  for (const std::string& path : folders.paths) RemoveAll(path);
  signal(number, SIG_DFL);
  while (true) kill(getpid(), number);
}

void WaitForSignals() {
  LAYERD_CHECK(pipe2(signal_pipe, O_CLOEXEC) == 0);
  std::thread(RemoveAndEnd).detach();
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction action = {};
    if (sigaction(number, nullptr, &action) != 0) continue;
    if (action.sa_handler != SIG_DFL && action.sa_handler != PassOn) continue;
    action.sa_handler = PassOn;
    action.sa_flags = SA_RESTART;
    sigaction(number, &action, nullptr);
  }
}

// Once in a process: a fork takes neither the thread nor the folders along.
void StartWaiting() {
  Registry& folders = Folders();
  const std::lock_guard<std::mutex> lock(folders.mutex);
  if (std::exchange(folders.process, getpid()) == getpid()) return;
  folders.paths.clear();
  WaitForSignals();
}

// None if somebody has it, or it is not ours.
UniqueFd Lock(const std::string& path) {
  UniqueFd folder(
      open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat there;
  if (!folder || fstat(folder.get(), &there) != 0 ||
      there.st_uid != geteuid() ||
      flock(folder.get(), LOCK_EX | LOCK_NB) != 0) {
    return UniqueFd();
  }
  return folder;
}

void RemoveLeftBehind(const std::string& parent) {
  std::error_code error;
  for (fs::directory_iterator it(parent, error), end; !error && it != end;
       it.increment(error)) {
    if (!it->path().filename().string().starts_with(kPrefix)) continue;
    if (const UniqueFd lock = Lock(it->path().string())) {
      RemoveAll(it->path().string());
    }
  }
}

}  // namespace

absl::StatusOr<TemporaryFolder> TemporaryFolder::Make(
    const std::vector<std::string>& parents) {
  LAYERD_CHECK(!parents.empty());
  StartWaiting();
  absl::Status why;
  for (const std::string& parent : parents) {
    RemoveLeftBehind(parent);
    Registry& folders = Folders();
    const std::lock_guard<std::mutex> lock(folders.mutex);
    std::string path = absl::StrCat(parent, "/", kPrefix, "XXXXXX");
    if (mkdtemp(path.data()) == nullptr) {
      why = absl::ErrnoToStatus(errno,
                                absl::StrCat("a temporary folder in ", parent));
      continue;
    }
    folders.paths.insert(path);
    UniqueFd ours = Lock(path);
    return TemporaryFolder(std::move(path), std::move(ours));
  }
  return why;
}

TemporaryFolder::TemporaryFolder(std::string path, UniqueFd lock)
    : path_(std::move(path)), lock_(std::move(lock)) {}

TemporaryFolder::TemporaryFolder(TemporaryFolder&& other) noexcept
    : path_(std::exchange(other.path_, "")), lock_(std::move(other.lock_)) {}

TemporaryFolder::~TemporaryFolder() {
  if (path_.empty()) return;
  RemoveAll(path_);
  Registry& folders = Folders();
  const std::lock_guard<std::mutex> lock(folders.mutex);
  folders.paths.erase(path_);
}

std::string SystemTemporaryFolder() {
  std::error_code error;
  const fs::path path = fs::temp_directory_path(error);
  return error ? "/tmp" : path.string();
}

}  // namespace layerd
