#ifndef LAYERD_DAEMON_SCHED_INBOX_H_
#define LAYERD_DAEMON_SCHED_INBOX_H_

#include <atomic>
#include <memory>
#include <utility>

#include "config/check.h"
#include "daemon/sched/job.h"

namespace layerd {

// Jobs on their way from many submitters to one executor, without a lock: a
// list that is pushed to at its head and taken as a whole.
//
// Threading: Push() from any thread, the rest from one.
class Inbox {
 public:
  Inbox() = default;
  ~Inbox() { LAYERD_CHECK(newest_.load() == nullptr); }

  void Push(std::unique_ptr<Job> job) {
    Job* const added = job.release();
    added->arrived_before = newest_.load();
    while (!newest_.compare_exchange_weak(added->arrived_before, added)) {
    }
  }

  bool empty() const { return newest_.load() == nullptr; }

  // Calls take(std::unique_ptr<Job>) for each, in the order of arrival.
  template <typename Take>
  void TakeAll(Take take) {
    if (newest_.load() == nullptr) return;
    Job* oldest = nullptr;
    for (Job* job = newest_.exchange(nullptr); job != nullptr;) {
      Job* const before = job->arrived_before;
      job->arrived_before = oldest;
      oldest = job;
      job = before;
    }
    while (oldest != nullptr) {
      std::unique_ptr<Job> job(oldest);
      oldest = job->arrived_before;
      take(std::move(job));
    }
  }

 private:
  std::atomic<Job*> newest_{nullptr};
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SCHED_INBOX_H_
