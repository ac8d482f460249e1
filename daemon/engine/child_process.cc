#include "daemon/engine/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "daemon/rt/as_started.h"

namespace layerd {
namespace {

constexpr off_t kLastWordsBytes = 4096;
constexpr int kCannotExecute = 127;

// When memory runs out, what can be done again goes, and not the daemon.
void GoFirst() {
  constexpr char kFirst[] = "1000";
  const int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  [[maybe_unused]] const ssize_t written =
      write(fd, kFirst, sizeof(kFirst) - 1);
  close(fd);
}

// Between fork and exec only what is safe there: no allocation, no lock.
[[noreturn]] void BecomeChild(char* const* argv, int null_fd, int stderr_fd,
                              pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kCannotExecute);  // It died before that.
  dup2(null_fd, STDIN_FILENO);
  dup2(null_fd, STDOUT_FILENO);
  dup2(stderr_fd, STDERR_FILENO);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  BecomeAsStarted();
  GoFirst();
  execv(argv[0], argv);
  _exit(kCannotExecute);
}

std::string LastWords(int fd) {
  const off_t bytes = lseek(fd, 0, SEEK_END);
  const off_t from = bytes > kLastWordsBytes ? bytes - kLastWordsBytes : 0;
  std::string text(static_cast<size_t>(bytes - from), '\0');
  const ssize_t got = pread(fd, text.data(), text.size(), from);
  text.resize(got > 0 ? static_cast<size_t>(got) : 0);
  absl::StripAsciiWhitespace(&text);
  return text;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Start(
    const std::vector<std::string>& arguments) {
  if (access(arguments[0].c_str(), X_OK) != 0) {
    return absl::ErrnoToStatus(errno, "cannot run " + arguments[0]);
  }
  std::vector<char*> argv;
  for (const std::string& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  std::unique_ptr<ChildProcess> child(new ChildProcess());
  child->stderr_ = UniqueFd(memfd_create("last words", MFD_CLOEXEC));
  const UniqueFd null_fd(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!child->stderr_ || !null_fd) {
    return absl::ErrnoToStatus(errno, "cannot start a child process");
  }
  const pid_t parent = getpid();
  child->pid_ = fork();
  if (child->pid_ < 0) return absl::ErrnoToStatus(errno, "fork");
  if (child->pid_ == 0) {
    BecomeChild(argv.data(), null_fd.get(), child->stderr_.get(), parent);
  }
  child->pidfd_ =
      UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, child->pid_, 0)));
  if (!child->pidfd_) return absl::ErrnoToStatus(errno, "pidfd_open");
  return child;
}

ChildProcess::~ChildProcess() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

absl::Status ChildProcess::Wait() {
  int status = 0;
  pid_t ended;
  do {
    ended = waitpid(pid_, &status, 0);
  } while (ended < 0 && errno == EINTR);
  pid_ = -1;
  // As where SIGCHLD is ignored: nobody can say how it ended.
  if (ended < 0) return absl::ErrnoToStatus(errno, "waitpid");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return absl::OkStatus();
  const std::string words = LastWords(stderr_.get());
  if (WIFSIGNALED(status)) {
    const int number = WTERMSIG(status);
    return absl::FailedPreconditionError(absl::StrFormat(
        "ended by signal %d (%s%s)%s%s", number, strsignal(number),
        number == SIGKILL ? ", as when memory runs out" : "",
        words.empty() ? "" : ": ", words));
  }
  return absl::FailedPreconditionError(
      words.empty() ? absl::StrFormat("exit status %d", WEXITSTATUS(status))
                    : words);
}

}  // namespace layerd
