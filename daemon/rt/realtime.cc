#include "daemon/rt/realtime.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "absl/strings/str_format.h"
#include "daemon/rt/last_cpu.h"
#include "daemon/rt/prompt_thread.h"

namespace layerd {
namespace {

// What our loops may use of it; a thread's stack is far larger.
constexpr size_t kStackBytes = 256 << 10;

std::string Refused(const char* what, int error, const char* help) {
  return absl::StrFormat("realtime: %s: %s; %s", what, std::strerror(error),
                         help);
}

std::string KeepTo(CpuShare share, const char* what) {
  const int error = KeepTo(share);
  return error == 0 ? "" : Refused(what, error, "check the cpuset");
}

std::string LeaveTheLastCpu() {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0 && CPU_COUNT(&cpus) < 2) {
    return "realtime: there is one CPU only, gRPC waits while parts compute";
  }
  return KeepTo(CpuShare::kAllButLast,
                "the executor is not kept off the last CPU");
}

}  // namespace

// Below us on the stack, so that its pages are there when they are needed.
__attribute__((noinline)) std::string LockStack() {
  volatile std::byte stack[kStackBytes];
  for (size_t at = 0; at < kStackBytes; at += 4096) stack[at] = std::byte{1};
  if (mlock(const_cast<std::byte*>(stack), kStackBytes) == 0) return "";
  return Refused("the stack is not locked", errno,
                 "raise the memory lock limit (LimitMEMLOCK, ulimit -l)");
}

std::vector<std::string> BecomeRealtime(RealtimeRole role) {
  std::vector<std::string> refused;
  const auto note = [&refused](std::string line) {
    if (!line.empty()) refused.push_back(std::move(line));
  };
  note(LockStack());
  if (role == RealtimeRole::kExecutor) note(LeaveTheLastCpu());
  sched_param parameters{};
  parameters.sched_priority =
      role == RealtimeRole::kLoader ? kLoaderPriority : kExecutorPriority;
  const int error =
      pthread_setschedparam(pthread_self(), SCHED_FIFO, &parameters);
  if (error != 0) note(NoRealtimePriority(role, error));
  return refused;
}

std::string NoRealtimePriority(RealtimeRole role, int error) {
  return Refused(role == RealtimeRole::kLoader
                     ? "the loader has no real-time priority"
                     : "the executor has no real-time priority",
                 error,
                 "allow it (CAP_SYS_NICE, LimitRTPRIO=60, ulimit -r), or set "
                 "realtime: off");
}

std::string LeaveCpusToExecutor() {
  BecomePrompt();
  return KeepTo(CpuShare::kLast, "gRPC is not kept on the last CPU");
}

}  // namespace layerd
