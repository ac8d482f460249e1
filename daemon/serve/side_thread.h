#ifndef LAYERD_DAEMON_SERVE_SIDE_THREAD_H_
#define LAYERD_DAEMON_SERVE_SIDE_THREAD_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

#include "daemon/rt/named_thread.h"

namespace layerd {

// Does what operators ask for, one after the other, at normal priority: a trace
// of 16 thousand events takes milliseconds, a new budget up to seconds, and the
// prompt threads that see urgent requests must not be the ones that spend them.
//
// Threading: Do() from any thread. What was given is done before the destructor
//            returns.
class SideThread {
 public:
  SideThread();
  ~SideThread();

  void Do(std::function<void()> work);

 private:
  void Run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> given_;  // Guarded by mutex_, like:
  bool over_ = false;
  NamedThread thread_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_SIDE_THREAD_H_
