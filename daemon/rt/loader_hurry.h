#ifndef LAYERD_DAEMON_RT_LOADER_HURRY_H_
#define LAYERD_DAEMON_RT_LOADER_HURRY_H_

#include <sys/types.h>

#include <atomic>
#include <cstdint>

namespace layerd {

// Lets a real-time loader go before all others of its CPU, or only take its
// turn among them.
//
// Why: it shares that CPU with gRPC, and the reads of a flood interrupt a
// request that comes in some ten times. Who reads for best effort alone can
// wait for requests; who reads for what is urgent cannot.
//
// A kernel that allowed it once may refuse it later (prlimit): that is said
// once, and counted.
//
// Cost:      a system call for each Set(): for changes alone.
// Threading: Begin() and End() on the loader's thread, Set() on one other, the
//            count on any.
class LoaderHurry {
 public:
  // The thread hurries as it begins. One without real-time priority stays as it
  // is.
  void Begin();
  void End() { thread_.store(0); }

  void Set(bool hurries);

  // So often the loader was to hurry and could not.
  uint64_t refused() const { return refused_.load(); }

 private:
  std::atomic<pid_t> thread_{0};  // 0: there is nothing to change.
  std::atomic<uint64_t> refused_{0};
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_RT_LOADER_HURRY_H_
