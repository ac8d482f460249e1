#include "test/e2e/program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "config/check.h"

namespace layerd {
namespace {

constexpr int kCannotExecute = 127;
constexpr int kPatienceMs = 60'000;
constexpr uint64_t kBlockBytes = 512;  // Of ru_inblock.
constexpr uint64_t kKibibyte = 1024;

std::vector<char*> PointersTo(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) {
    pointers.push_back(const_cast<char*>(word.c_str()));
  }
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> EnvironmentOf(const ProgramOptions& options) {
  std::map<std::string, std::string> all;
  for (char** word = environ; *word != nullptr; ++word) {
    const std::string text = *word;
    const size_t equals = text.find('=');
    if (equals != std::string::npos) {
      all[text.substr(0, equals)] = text.substr(equals + 1);
    }
  }
  for (const auto& [name, value] : options.environment) all[name] = value;
  std::vector<std::string> words;
  for (const auto& [name, value] : all) words.push_back(name + "=" + value);
  return words;
}

// Between fork and exec only what is safe there: no allocation, no lock.
[[noreturn]] void BecomeChild(char* const* arguments, char* const* environment,
                              const std::optional<uint64_t>& file_bytes_max,
                              int out, int err) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  if (file_bytes_max) {
    const rlimit limit{*file_bytes_max, *file_bytes_max};
    setrlimit(RLIMIT_FSIZE, &limit);
    signal(SIGXFSZ, SIG_IGN);  // Then write() says EFBIG.
  }
  execve(arguments[0], arguments, environment);
  _exit(kCannotExecute);
}

// False if `fd` had nothing to say for a minute.
bool WaitFor(int fd) {
  pollfd polled{fd, POLLIN, 0};
  int ready = 0;
  do {
    ready = poll(&polled, 1, kPatienceMs);
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

}  // namespace

Program::Program(const std::vector<std::string>& arguments,
                 const ProgramOptions& options)
    : err_(memfd_create("err", MFD_CLOEXEC)) {
  int out[2];
  LAYERD_CHECK(err_ && pipe2(out, O_CLOEXEC) == 0);
  out_ = UniqueFd(out[0]);
  const UniqueFd write_end(out[1]);
  const std::vector<std::string> environment = EnvironmentOf(options);
  const std::vector<char*> argv = PointersTo(arguments);
  const std::vector<char*> envp = PointersTo(environment);
  pid_ = fork();
  LAYERD_CHECK(pid_ >= 0);
  if (pid_ == 0) {
    BecomeChild(argv.data(), envp.data(), options.file_bytes_max,
                write_end.get(), err_.get());
  }
  pidfd_ = UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  LAYERD_CHECK(pidfd_);
}

Program::~Program() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

bool Program::FillLines() {
  char bytes[4096];
  LAYERD_CHECK(WaitFor(out_.get()), "it says nothing: " + Err());
  const ssize_t got = read(out_.get(), bytes, sizeof(bytes));
  if (got <= 0) return false;
  unread_.append(bytes, static_cast<size_t>(got));
  return true;
}

std::optional<std::string> Program::ReadLine() {
  size_t end = std::string::npos;
  while ((end = unread_.find('\n')) == std::string::npos) {
    if (!FillLines()) return std::nullopt;
  }
  const std::string line = unread_.substr(0, end);
  unread_.erase(0, end + 1);
  return line;
}

std::string Program::Err() const {
  std::string text(static_cast<size_t>(lseek(err_.get(), 0, SEEK_END)), '\0');
  const ssize_t got = pread(err_.get(), text.data(), text.size(), 0);
  text.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return text;
}

uint64_t Program::Number(const std::string& file,
                         const std::string& key) const {
  std::ifstream lines("/proc/" + std::to_string(pid_) + "/" + file);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(key + ":")) {
      return std::strtoull(line.c_str() + key.size() + 1, nullptr, 10);
    }
  }
  return 0;
}

void Program::Signal(int signal_number) const {
  LAYERD_CHECK(pid_ > 0 && kill(pid_, signal_number) == 0);
}

Ended Program::Wait() {
  Ended ended;
  while (FillLines()) {
  }
  LAYERD_CHECK(WaitFor(pidfd_.get()), "it does not end: " + Err());
  int status = 0;
  rusage usage{};
  LAYERD_CHECK(wait4(pid_, &status, 0, &usage) == pid_);
  pid_ = -1;
  ended.status =
      WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  ended.out = std::move(unread_);
  ended.err = Err();
  ended.peak_bytes = static_cast<uint64_t>(usage.ru_maxrss) * kKibibyte;
  ended.read_bytes = static_cast<uint64_t>(usage.ru_inblock) * kBlockBytes;
  return ended;
}

double NumberIn(const std::string& json, const std::string& key) {
  const size_t at = json.find("\"" + key + "\":");
  LAYERD_CHECK(at != std::string::npos, json);
  return std::strtod(json.c_str() + at + key.size() + 3, nullptr);
}

Ended Run(const std::vector<std::string>& arguments,
          const ProgramOptions& options) {
  return Program(arguments, options).Wait();
}

}  // namespace layerd
