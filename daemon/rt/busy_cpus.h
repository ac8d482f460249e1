#ifndef LAYERD_DAEMON_RT_BUSY_CPUS_H_
#define LAYERD_DAEMON_RT_BUSY_CPUS_H_

#include <atomic>
#include <thread>
#include <vector>

namespace layerd {

// While it lives, as many CPUs are busy as when a network computes on
// `compute_threads`: those that LeaveCpuToLoader() leaves to who computes. They
// give way to whoever else wants one.
//
// Why: computing takes memory and, where a host has no CPU to spare, processor
// time from a drive, whatever is computed. Who wants to know how fast weights
// will come must look while somebody computes.
class BusyCpus {
 public:
  explicit BusyCpus(int compute_threads);
  ~BusyCpus();
  BusyCpus(const BusyCpus&) = delete;
  BusyCpus& operator=(const BusyCpus&) = delete;

 private:
  void Compute() const;

  std::atomic<bool> stopped_{false};
  std::vector<std::thread> threads_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_RT_BUSY_CPUS_H_
