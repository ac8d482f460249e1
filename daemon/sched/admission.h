#ifndef LAYERD_DAEMON_SCHED_ADMISSION_H_
#define LAYERD_DAEMON_SCHED_ADMISSION_H_

#include <chrono>
#include <string>

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

// For a job of a declared task that comes before its time (declared_rate.h).
absl::Status TooOften(const std::string& model,
                      std::chrono::milliseconds period,
                      std::chrono::nanoseconds early);

}  // namespace layerd

#endif  // LAYERD_DAEMON_SCHED_ADMISSION_H_
