#ifndef LAYERD_DAEMON_SCHED_ADMISSION_H_
#define LAYERD_DAEMON_SCHED_ADMISSION_H_

#include <chrono>

#include "absl/status/status.h"
#include "daemon/rt/clock.h"

namespace layerd {

// Yes, or RESOURCE_EXHAUSTED with the arithmetic: would a request that comes
// now be answered by its deadline, if it waits for all work of its level and of
// more urgent ones (`ahead`) and then takes `own`? DEADLINE_EXCEEDED if the
// deadline has passed already.
absl::Status AdmitByPrediction(Instant now, Instant deadline, int level,
                               std::chrono::nanoseconds ahead,
                               std::chrono::nanoseconds own);

}  // namespace layerd

#endif  // LAYERD_DAEMON_SCHED_ADMISSION_H_
