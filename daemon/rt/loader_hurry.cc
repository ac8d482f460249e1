#include "daemon/rt/loader_hurry.h"

#include <sched.h>
#include <unistd.h>

#include <cerrno>

#include "daemon/rt/log.h"
#include "daemon/rt/realtime.h"
#include "daemon/rt/scheduling_attributes.h"

namespace layerd {

void LoaderHurry::Begin() {
  if (sched_getscheduler(0) == SCHED_FIFO) thread_.store(gettid());
}

void LoaderHurry::Set(bool hurries) {
  const pid_t thread = thread_.load();
  if (thread == 0) return;
  SchedulingAttributes attributes{.runtime_ns = kShortestSliceNs};
  if (hurries) {
    attributes = {.policy = SCHED_FIFO, .priority = kLoaderPriority};
  }
  if (SetScheduling(thread, attributes) || !hurries) return;
  const int error = errno;
  if (refused_.fetch_add(1) > 0) return;
  LogWarning(NoRealtimePriority(RealtimeRole::kLoader, error));
}

}  // namespace layerd
