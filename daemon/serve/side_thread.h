#ifndef LAYERD_DAEMON_SERVE_SIDE_THREAD_H_
#define LAYERD_DAEMON_SERVE_SIDE_THREAD_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>

#include "absl/status/status.h"
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
  // So many may wait, besides the one that is being done.
  static constexpr size_t kWaitingMax = 16;

  // Whether nobody wants the work any more, and the work. It is told of its
  // turn: OK; CANCELLED, if it is not wanted by then; or RESOURCE_EXHAUSTED.
  using IsCancelled = std::function<bool()>;
  using Work = std::function<void(const absl::Status& turn)>;

  SideThread();
  ~SideThread();

  // Calls `work` once: on the side thread, or here if too many wait already.
  void Do(IsCancelled is_cancelled, Work work);

 private:
  struct Given {
    IsCancelled is_cancelled;
    Work work;
  };

  bool Take(Given* given);
  void Run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Given> given_;  // Guarded by mutex_, like:
  bool over_ = false;
  NamedThread thread_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_SIDE_THREAD_H_
