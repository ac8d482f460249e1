#include "daemon/rt/compute_cpus.h"

#include <pthread.h>

namespace layerd {

int CpusWeMayUse() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
}

ComputeCpus::ComputeCpus(int threads) : threads_(threads) {
  CPU_ZERO(&cpus_);
  if (sched_getaffinity(0, sizeof(cpus_), &cpus_) == 0) {
    count_ = CPU_COUNT(&cpus_);
  }
}

void ComputeCpus::KeepTo(int thread) const {
  if (count_ == 0) return;
  cpu_set_t cpus = cpus_;
  if (count_ == threads_) {
    int cpu = -1;
    for (int found = -1; found < thread;)
      found += CPU_ISSET(++cpu, &cpus_) != 0;
    CPU_ZERO(&cpus);
    CPU_SET(cpu, &cpus);
  }
  pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
}

}  // namespace layerd
