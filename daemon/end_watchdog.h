#ifndef LAYERD_DAEMON_END_WATCHDOG_H_
#define LAYERD_DAEMON_END_WATCHDOG_H_

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace layerd {

// Bounds how long the process takes to end: a read that the drive never answers
// keeps the loader, and whoever waits for it, for ever.
//
// Threading: one owner; the watch is a thread of its own.
class EndWatchdog {
 public:
  EndWatchdog() = default;
  // All has ended, and nothing more is watched.
  ~EndWatchdog();

  // Unless it is destroyed within `patience`, says so in the log and ends the
  // process with `exit_status`, and no destructor runs. Once.
  void Start(std::chrono::milliseconds patience, int exit_status);

 private:
  void Watch(std::chrono::milliseconds patience, int exit_status);

  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_over_ = false;  // Guarded by mutex_.
  std::thread thread_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_END_WATCHDOG_H_
