#include "daemon/rt/loader_cpu.h"

#include <sched.h>

#include "daemon/rt/last_cpu.h"
#include "daemon/rt/prompt_thread.h"

namespace layerd {

bool HasCpuForLoader(int compute_threads) {
  cpu_set_t all;
  CPU_ZERO(&all);
  return sched_getaffinity(0, sizeof(all), &all) == 0 &&
         CPU_COUNT(&all) > compute_threads;
}

void LeaveCpuToLoader() { KeepTo(CpuShare::kAllButLast); }

void BecomeLoader(bool own_cpu) {
  BecomePrompt();
  if (own_cpu) KeepTo(CpuShare::kLast);
}

}  // namespace layerd
