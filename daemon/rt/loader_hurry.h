#ifndef LAYERD_DAEMON_RT_LOADER_HURRY_H_
#define LAYERD_DAEMON_RT_LOADER_HURRY_H_

#include <sys/types.h>

#include <atomic>

namespace layerd {

// Lets a real-time loader go before all others of its CPU, or only take its
// turn among them.
//
// Why: it shares that CPU with gRPC, and the reads of a flood interrupt a
// request that comes in some ten times. Who reads for best effort alone can
// wait for requests; who reads for what is urgent cannot.
//
// Cost:      a system call for each change.
// Threading: Begin() on the loader's thread, Set() on one other.
class LoaderHurry {
 public:
  // Once; does nothing for a thread without real-time priority.
  void Begin();
  // As it begins, it hurries.
  void Set(bool hurries);

 private:
  std::atomic<pid_t> thread_{0};  // 0: there is nothing to change.
  bool hurries_ = true;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_RT_LOADER_HURRY_H_
