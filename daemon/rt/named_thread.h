#ifndef LAYERD_DAEMON_RT_NAMED_THREAD_H_
#define LAYERD_DAEMON_RT_NAMED_THREAD_H_

#include <functional>
#include <string>
#include <thread>

namespace layerd {

// A thread that tools show under its name, joined when it goes out of scope:
// whoever owns one has told its loop to end before.
//
// Threading: constructed and destroyed by its owner.
class NamedThread {
 public:
  NamedThread() = default;
  // REQUIRES: name has at most 15 characters, as the kernel does.
  NamedThread(const std::string& name, std::function<void()> body);
  ~NamedThread();
  NamedThread(NamedThread&&) = default;
  NamedThread& operator=(NamedThread&&) = delete;

 private:
  std::thread thread_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_RT_NAMED_THREAD_H_
