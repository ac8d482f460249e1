#include "daemon/rt/as_started.h"

#include <sched.h>
#include <sys/resource.h>

namespace layerd {
namespace {

struct Scheduling {
  cpu_set_t cpus;
  int policy;
  sched_param parameters;
  int nice;
};

Scheduling OfThisThread() {
  Scheduling now{};
  if (sched_getaffinity(0, sizeof(now.cpus), &now.cpus) != 0) {
    CPU_ZERO(&now.cpus);
  }
  now.policy = sched_getscheduler(0);
  sched_getparam(0, &now.parameters);
  now.nice = getpriority(PRIO_PROCESS, 0);
  return now;
}

// Before main(), when there is one thread.
const Scheduling kAtStart = OfThisThread();

}  // namespace

void BecomeAsStarted() {
  if (CPU_COUNT(&kAtStart.cpus) > 0) {
    sched_setaffinity(0, sizeof(kAtStart.cpus), &kAtStart.cpus);
  }
  // A short slice is forgotten with it (prompt_thread.h).
  sched_setscheduler(0, kAtStart.policy, &kAtStart.parameters);
  setpriority(PRIO_PROCESS, 0, kAtStart.nice);
}

}  // namespace layerd
