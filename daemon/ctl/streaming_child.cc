#include "daemon/ctl/streaming_child.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "config/byte_size.h"
#include "config/status_macros.h"
#include "daemon/ctl/temporary_folder.h"
#include "loader/io/unique_fd.h"

extern char** environ;

namespace layerd {
namespace {

constexpr char kPeakKey[] = "\"peak_rss_bytes\":";

std::string ReadAll(int fd) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t got = read(fd, buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(buffer, static_cast<size_t>(got));
  }
}

// Standard output of a program that ended well; its errors go where ours go.
absl::StatusOr<std::string> OutputOf(
    const std::vector<std::string>& arguments) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "pipe");
  const UniqueFd from(ends[0]);
  UniqueFd to(ends[1]);
  std::vector<char*> argv;
  for (const std::string& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, to.get(), STDOUT_FILENO);
  pid_t pid = 0;
  const int failed =
      posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return absl::ErrnoToStatus(failed, arguments[0]);
  to = UniqueFd();
  std::string text = ReadAll(from.get());
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return text;
  return absl::InternalError(
      "the process that only streams failed, so its peak memory is unknown");
}

absl::StatusOr<uint64_t> NumberAfter(const std::string& json,
                                     const std::string& key) {
  const size_t found = json.find(key);
  uint64_t number = 0;
  if (found != std::string::npos) {
    const size_t begin = found + key.size();
    const std::string rest =
        json.substr(begin, json.find_first_of(",\n}", begin) - begin);
    if (absl::SimpleAtoi(rest, &number)) return number;
  }
  return absl::InternalError(absl::StrCat(key, " is missing in: ", json));
}

std::string BudgetWord(uint64_t bytes) {
  return bytes == kAllBytes ? "all" : absl::StrCat(bytes);
}

}  // namespace

absl::StatusOr<uint64_t> PeakRssOf(const StreamingChild& child,
                                   const std::vector<ArrayPort>& ports,
                                   const std::vector<Array>& inputs) {
  std::error_code error;
  const std::string self =
      std::filesystem::read_symlink("/proc/self/exe", error).string();
  if (error) return absl::ErrnoToStatus(error.value(), "/proc/self/exe");
  ASSIGN_OR_RETURN(const TemporaryFolder folder,
                   TemporaryFolder::Make({SystemTemporaryFolder()}));
  std::vector<std::string> arguments{self,
                                     "run",
                                     child.layer_file,
                                     "--json",
                                     "--budget",
                                     BudgetWord(child.budget_bytes),
                                     "--threads",
                                     absl::StrCat(child.threads),
                                     "--repeat",
                                     absl::StrCat(child.requests)};
  for (size_t i = 0; i < ports.size(); ++i) {
    const std::string path = folder / absl::StrCat(i, ".npy");
    RETURN_IF_ERROR(WriteNpy(path, inputs[i]));
    arguments.push_back("--input");
    arguments.push_back(absl::StrCat(
        absl::StrReplaceAll(ports[i].name, {{"=", "\\="}}), "=", path));
  }
  ASSIGN_OR_RETURN(const std::string json, OutputOf(arguments));
  return NumberAfter(json, kPeakKey);
}

}  // namespace layerd
