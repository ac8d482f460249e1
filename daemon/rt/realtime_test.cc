#include "daemon/rt/realtime.h"

#include <pthread.h>
#include <sched.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <thread>

#include "test/catch/catch.h"

namespace layerd {
namespace {

struct Seen {
  std::vector<std::string> refused;
  int policy = 0, priority = 0, cpus = 0;
};

// On a thread of its own: the test goes on as it was.
Seen Become(RealtimeRole role) {
  Seen seen;
  std::thread([&] {
    seen.refused = BecomeRealtime(role);
    sched_param parameters{};
    pthread_getschedparam(pthread_self(), &seen.policy, &parameters);
    seen.priority = parameters.sched_priority;
    cpu_set_t cpus;
    sched_getaffinity(0, sizeof(cpus), &cpus);
    seen.cpus = CPU_COUNT(&cpus);
  }).join();
  return seen;
}

bool Says(const Seen& seen, const std::string& word) {
  for (const std::string& line : seen.refused) {
    if (line.find(word) != std::string::npos) return true;
  }
  return false;
}

TEST_CASE("A thread becomes a real-time one, or is told why not") {
  const Seen loader = Become(RealtimeRole::kLoader);
  const Seen executor = Become(RealtimeRole::kExecutor);
  CHECK((loader.policy == SCHED_FIFO) == !Says(loader, "priority"));
  CHECK((executor.policy == SCHED_FIFO) == !Says(executor, "priority"));
  if (executor.policy == SCHED_FIFO) {
    CHECK(executor.priority < loader.priority);
  }
}

// A sanitizer has an mlock() that does nothing.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kMlockLocks = false;
#else
constexpr bool kMlockLocks = true;
#endif

// KiB of the mapping that has the address.
int LockedKib(uintptr_t at) {
  std::ifstream smaps("/proc/self/smaps");
  bool here = false;
  for (std::string line; std::getline(smaps, line);) {
    uintptr_t begin = 0, end = 0;
    int kib = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2) {
      here = begin <= at && at < end;
    } else if (here && std::sscanf(line.c_str(), "Locked: %d", &kib) == 1) {
      return kib;
    }
  }
  return 0;
}

TEST_CASE("A stack is locked, or it is said why not") {
  std::string refused;
  int locked_kib = 0;
  std::thread([&] {
    refused = LockStack();
    const int here = 0;
    constexpr uintptr_t kFurtherDown = 64 << 10;
    locked_kib = LockedKib(reinterpret_cast<uintptr_t>(&here) - kFurtherDown);
  }).join();
  INFO(refused);
  CHECK((locked_kib > 0) == (refused.empty() && kMlockLocks));
}

TEST_CASE("A CPU is left for gRPC, where there is more than one") {
  cpu_set_t cpus;
  sched_getaffinity(0, sizeof(cpus), &cpus);
  const Seen executor = Become(RealtimeRole::kExecutor);
  if (CPU_COUNT(&cpus) > 1) {
    CHECK(executor.cpus == CPU_COUNT(&cpus) - 1);
  } else {
    CHECK(Says(executor, "one CPU"));
  }
}

TEST_CASE("Who serves keeps to the CPU that the executor leaves") {
  cpu_set_t all, executor, serving;
  sched_getaffinity(0, sizeof(all), &all);
  if (CPU_COUNT(&all) < 2) {
    CHECK(LeaveCpusToExecutor().empty());
    return;
  }
  std::thread([&] {
    BecomeRealtime(RealtimeRole::kExecutor);
    sched_getaffinity(0, sizeof(executor), &executor);
  }).join();
  std::thread([&] {
    CHECK(LeaveCpusToExecutor().empty());
    sched_getaffinity(0, sizeof(serving), &serving);
  }).join();
  CHECK(CPU_COUNT(&serving) == 1);
  cpu_set_t both;
  CPU_AND(&both, &executor, &serving);
  CHECK(CPU_COUNT(&both) == 0);
}

}  // namespace
}  // namespace layerd
