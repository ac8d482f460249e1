#include "daemon/rt/last_cpu.h"

#include <pthread.h>
#include <sched.h>

#include <cerrno>

namespace layerd {

int KeepTo(CpuShare share) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0) return errno;
  if (CPU_COUNT(&cpus) < 2) return 0;
  int last = CPU_SETSIZE - 1;
  while (!CPU_ISSET(last, &cpus)) --last;
  if (share == CpuShare::kLast) {
    CPU_ZERO(&cpus);
    CPU_SET(last, &cpus);
  } else {
    CPU_CLR(last, &cpus);
  }
  return pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
}

}  // namespace layerd
