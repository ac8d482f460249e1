#ifndef LAYERD_DAEMON_SCHED_JOB_QUEUE_H_
#define LAYERD_DAEMON_SCHED_JOB_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "daemon/sched/job.h"

namespace layerd {

// Jobs that wait: the most urgent level first, then first come, first served.
// Bounded; its storage is there from the start.
//
// Threading: one at a time.
class JobQueue {
 public:
  explicit JobQueue(size_t jobs_max);

  bool empty() const { return entries_.empty(); }
  bool full() const { return entries_.size() == jobs_max_; }
  size_t size() const { return entries_.size(); }
  size_t jobs_max() const { return jobs_max_; }

  // REQUIRES: !full().
  void Push(std::unique_ptr<Job> job);
  // REQUIRES: !empty().
  std::unique_ptr<Job> Pop();

 private:
  struct Entry {
    int level;
    uint64_t number;
    std::unique_ptr<Job> job;
  };
  static bool RunsAfter(const Entry& a, const Entry& b);

  const size_t jobs_max_;
  uint64_t pushed_ = 0;
  std::vector<Entry> entries_;  // A heap.
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SCHED_JOB_QUEUE_H_
