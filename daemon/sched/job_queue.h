#ifndef LAYERD_DAEMON_SCHED_JOB_QUEUE_H_
#define LAYERD_DAEMON_SCHED_JOB_QUEUE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "config/limits.h"
#include "daemon/sched/job.h"

namespace layerd {

// Who is next inside a level.
enum class LevelOrder {
  kFifo,  // First come, first served.
  kEdf,   // The earliest Job::due(), then first come.
};

// Jobs that wait, a queue for each level. Its storage is there from the start.
//
// Threading: one at a time.
class JobQueue {
 public:
  // At most `jobs_max` wait at a level.
  JobQueue(size_t jobs_max, LevelOrder order);

  bool empty() const { return size_ == 0; }
  bool empty(int level) const { return of(level).empty(); }
  size_t size() const { return size_; }

  // REQUIRES: fewer than jobs_max wait at its level.
  void Push(std::unique_ptr<Job> job);
  // Who is next. REQUIRES, as below: !empty(level).
  const Job& Next(int level) const { return *of(level).front().job; }
  std::unique_ptr<Job> Pop(int level);

  // Takes one that is cancelled or past its deadline; null if there is none.
  std::unique_ptr<Job> PopDropped(Instant now);

 private:
  struct Entry {
    uint64_t number;
    std::unique_ptr<Job> job;
  };
  using Entries = std::vector<Entry>;  // A heap.

  const Entries& of(int level) const { return levels_[level - 1]; }
  Entries& of(int level) { return levels_[level - 1]; }
  bool RunsAfter(const Entry& a, const Entry& b) const;

  const size_t jobs_max_;
  const LevelOrder order_;
  uint64_t pushed_ = 0;
  size_t size_ = 0;
  std::array<Entries, kLevelsMax> levels_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SCHED_JOB_QUEUE_H_
