#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <list>

#include "absl/strings/str_format.h"
#include "config/check.h"
#include "loader/io/unique_fd.h"
#include "test/conformance/run_case.h"

namespace layerd {
namespace {

using Clock = std::chrono::steady_clock;

// Sanitizers make these tiny models slow, never this slow.
constexpr std::chrono::seconds kPatience{60};
constexpr size_t kWordsMax = 2000;  // A pipe takes them at once.

struct Child {
  size_t index;  // Of the case.
  pid_t pid;
  UniqueFd verdict;  // Readable when it has one, or has ended.
  Clock::time_point deadline;
};

Child Start(const std::vector<BackendCase>& cases, size_t index) {
  int ends[2];
  LAYERD_CHECK(pipe(ends) == 0);
  const pid_t pid = fork();
  LAYERD_CHECK(pid >= 0);
  if (pid == 0) {
    const Verdict verdict = RunCase(cases[index]);
    const std::string text =
        static_cast<char>(verdict.outcome) + verdict.words.substr(0, kWordsMax);
    const ssize_t written = write(ends[1], text.data(), text.size());
    _exit(written == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  close(ends[1]);
  return {index, pid, UniqueFd(ends[0]), Clock::now() + kPatience};
}

Verdict VerdictOf(const Child& child) {
  if (Clock::now() >= child.deadline) kill(child.pid, SIGKILL);
  char text[kWordsMax + 1];
  const ssize_t count = read(child.verdict.get(), text, sizeof(text));
  int status = 0;
  LAYERD_CHECK(waitpid(child.pid, &status, 0) == child.pid);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && count > 0) {
    return {static_cast<Outcome>(text[0]),
            std::string(text + 1, static_cast<size_t>(count) - 1)};
  }
  return {Outcome::kCrashed,
          WIFSIGNALED(status)
              ? absl::StrFormat("signal %d", WTERMSIG(status))
              : absl::StrFormat("exit status %d", WEXITSTATUS(status))};
}

void WaitForAny(const std::list<Child>& children) {
  std::vector<pollfd> polled;
  for (const Child& child : children) {
    polled.push_back({child.verdict.get(), POLLIN, 0});
  }
  poll(polled.data(), polled.size(), 1000);
}

bool HasEnded(const Child& child) {
  pollfd polled{child.verdict.get(), POLLIN, 0};
  return poll(&polled, 1, 0) > 0 || Clock::now() >= child.deadline;
}

}  // namespace

std::vector<Verdict> RunInChildren(const std::vector<BackendCase>& cases,
                                   int jobs) {
  std::vector<Verdict> verdicts(cases.size());
  std::list<Child> children;
  for (size_t next = 0; next < cases.size() || !children.empty();) {
    while (next < cases.size() && children.size() < static_cast<size_t>(jobs)) {
      children.push_back(Start(cases, next++));
    }
    WaitForAny(children);
    children.remove_if([&verdicts](const Child& child) {
      if (!HasEnded(child)) return false;
      verdicts[child.index] = VerdictOf(child);
      return true;
    });
  }
  return verdicts;
}

}  // namespace layerd
