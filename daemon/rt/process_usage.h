#ifndef LAYERD_DAEMON_RT_PROCESS_USAGE_H_
#define LAYERD_DAEMON_RT_PROCESS_USAGE_H_

#include <cstdint>

namespace layerd {

struct ProcessUsage {
  double cpu_seconds = 0;       // User and system, of all threads.
  uint64_t resident_bytes = 0;  // Huge pages included, as in
  uint64_t peak_resident_bytes = 0;
  uint64_t open_fds = 0;
  double start_seconds = 0;  // Since the epoch.
};

// As /proc tells it (proc(5)); zeros for what it does not.
ProcessUsage UsageOfThisProcess();

}  // namespace layerd

#endif  // LAYERD_DAEMON_RT_PROCESS_USAGE_H_
