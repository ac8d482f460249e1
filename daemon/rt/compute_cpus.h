#ifndef LAYERD_DAEMON_RT_COMPUTE_CPUS_H_
#define LAYERD_DAEMON_RT_COMPUTE_CPUS_H_

#include <sched.h>

namespace layerd {

// How many CPUs the calling thread may use; 1 if the kernel does not tell.
int CpusWeMayUse();

// The CPUs that the calling thread may use, for it and those that compute with
// it. Where there are as many as threads, each is to stay on one of its own:
// kernels that do not look for idle CPUs leave two on one for seconds, and a
// network then takes twice as long as on one thread. Where there are more, or
// fewer, the kernel shares them out.
//
// Threading: free for all.
class ComputeCpus {
 public:
  explicit ComputeCpus(int threads);

  // There is one for each thread.
  bool are_enough() const { return count_ >= threads_; }
  // Keeps the calling thread to the CPU of `thread`, or to all of them. What
  // the kernel refuses, it refuses silently.
  // REQUIRES: 0 <= thread < threads.
  void KeepTo(int thread) const;

 private:
  cpu_set_t cpus_;
  int threads_, count_ = 0;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_RT_COMPUTE_CPUS_H_
