#include "daemon/sched/job_queue.h"

#include <algorithm>
#include <utility>

#include "config/check.h"

namespace layerd {
namespace {

bool IsDropped(const Job& job, Instant now) {
  return now > job.deadline ||
         (job.cancelled != nullptr && job.cancelled->load());
}

}  // namespace

JobQueue::JobQueue(size_t jobs_max, LevelOrder order)
    : jobs_max_(jobs_max), order_(order) {
  for (Entries& entries : levels_) entries.reserve(jobs_max);
}

void JobQueue::Push(std::unique_ptr<Job> job) {
  Entries& entries = of(job->level);
  LAYERD_CHECK(entries.size() < jobs_max_);
  entries.push_back({pushed_++, std::move(job)});
  std::push_heap(
      entries.begin(), entries.end(),
      [this](const Entry& a, const Entry& b) { return RunsAfter(a, b); });
  ++size_;
}

std::unique_ptr<Job> JobQueue::Pop(int level) {
  Entries& entries = of(level);
  LAYERD_CHECK(!entries.empty());
  std::pop_heap(
      entries.begin(), entries.end(),
      [this](const Entry& a, const Entry& b) { return RunsAfter(a, b); });
  std::unique_ptr<Job> job = std::move(entries.back().job);
  entries.pop_back();
  --size_;
  return job;
}

std::unique_ptr<Job> JobQueue::PopDropped(Instant now) {
  for (Entries& entries : levels_) {
    for (Entry& entry : entries) {
      if (!IsDropped(*entry.job, now)) continue;
      std::unique_ptr<Job> job = std::move(entry.job);
      if (&entry != &entries.back()) entry = std::move(entries.back());
      entries.pop_back();
      std::make_heap(
          entries.begin(), entries.end(),
          [this](const Entry& a, const Entry& b) { return RunsAfter(a, b); });
      --size_;
      return job;
    }
  }
  return nullptr;
}

bool JobQueue::RunsAfter(const Entry& a, const Entry& b) const {
  if (order_ == LevelOrder::kEdf && a.job->due() != b.job->due()) {
    return a.job->due() > b.job->due();
  }
  return a.number > b.number;
}

}  // namespace layerd
