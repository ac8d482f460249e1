#include "daemon/sched/job_queue.h"

#include <algorithm>
#include <utility>

#include "config/check.h"

namespace layerd {

JobQueue::JobQueue(size_t jobs_max) : jobs_max_(jobs_max) {
  entries_.reserve(jobs_max);
}

void JobQueue::Push(std::unique_ptr<Job> job) {
  LAYERD_CHECK(!full());
  const int level = job->level;
  entries_.push_back({level, pushed_++, std::move(job)});
  std::push_heap(entries_.begin(), entries_.end(), RunsAfter);
}

std::unique_ptr<Job> JobQueue::Pop() {
  LAYERD_CHECK(!empty());
  std::pop_heap(entries_.begin(), entries_.end(), RunsAfter);
  std::unique_ptr<Job> job = std::move(entries_.back().job);
  entries_.pop_back();
  return job;
}

bool JobQueue::RunsAfter(const Entry& a, const Entry& b) {
  return a.level != b.level ? a.level > b.level : a.number > b.number;
}

}  // namespace layerd
