#ifndef LAYERD_DAEMON_RT_NAMED_THREAD_H_
#define LAYERD_DAEMON_RT_NAMED_THREAD_H_

#include <chrono>
#include <functional>
#include <string>
#include <thread>

namespace layerd {

// A thread that tools show under its name. Joined at the latest when it goes
// out of scope: whoever owns one has told its loop to end before.
//
// Threading: one owner.
class NamedThread {
 public:
  NamedThread() = default;
  ~NamedThread() { Join(); }
  NamedThread(const NamedThread&) = delete;
  NamedThread& operator=(const NamedThread&) = delete;

  // REQUIRES: not started before; name has at most 15 characters.
  void Start(const std::string& name, std::function<void()> body);
  // Returns when `body` has; at once if it was never started.
  void Join();

  // What it has computed so far; zero if it is not running.
  std::chrono::nanoseconds cpu_time() const;

 private:
  std::thread thread_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_RT_NAMED_THREAD_H_
