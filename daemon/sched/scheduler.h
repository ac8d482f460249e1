#ifndef LAYERD_DAEMON_SCHED_SCHEDULER_H_
#define LAYERD_DAEMON_SCHED_SCHEDULER_H_

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>

#include "absl/status/status.h"
#include "daemon/exec/placement.h"
#include "daemon/rt/clock.h"
#include "daemon/sched/arrival_forecast.h"
#include "daemon/sched/job.h"
#include "daemon/sched/job_queue.h"

namespace layerd {

// Who runs now? Asked again at each part boundary, about 1 ms apart.
//
//   Submit() --> [JobQueue] --> Run(): begin, part, part, ..., end --> done
//
// Today the job that is on runs to its end, and the queue decides who is next:
// the most urgent level, then first come, first served. Each level has ring,
// arena and executor of its own, so a more urgent job can one day take over at
// a boundary, with nothing to save.
//
// With nothing to do, each level reads ahead for the job it expects next
// (ArrivalForecast), so that a request finds its first weights in memory.
//
// Before a job begins and at each boundary, first that holds: cancelled is
// CANCELLED, past its deadline DEADLINE_EXCEEDED, and when a drain has run out
// of time UNAVAILABLE.
//
// Threading: Run() is the executor thread's whole life; the rest from any
//            thread. Submitters and Run() meet under one mutex, never inside a
//            part.
class Scheduler {
 public:
  // `clock` outlives the scheduler. Without `read_ahead` every job starts with
  // an empty ring.
  Scheduler(size_t queue_jobs_max, const Clock* clock, bool read_ahead);
  // REQUIRES: Run() has returned, or never was called.
  ~Scheduler();

  // RESOURCE_EXHAUSTED if the queue is full, UNAVAILABLE when draining or if
  // the model has failed: then `done` is not called.
  absl::Status Submit(std::unique_ptr<Job> job);

  // Returns after Shutdown(). The job that is on ends at its next boundary, and
  // it and those that wait hear UNAVAILABLE: drain before.
  void Run();
  void Shutdown();

  // As Engine::Drain().
  void Drain(Instant deadline);

  // Returns when no job is on, and none begins before Resume(): the time to
  // change what is in memory. One caller at a time.
  void Hold();
  // `placement` may be null (no model is loaded) and is a loan until the next
  // Hold() has returned.
  void Resume(Placement* placement);

 private:
  // True if running_ is the job to go on with; false after Shutdown().
  bool WhoRunsNow();
  void RunOnePart();
  void Begin();
  // Ends running_ with that answer.
  void End(const absl::Status& status);
  void ReadAhead(const Placement& placement);
  void ForgetTheUnloaded(const Placement& placement);
  absl::Status Boundary() const;

  const Clock* const clock_;
  const bool read_ahead_;

  std::mutex mutex_;
  std::condition_variable work_;   // For Run().
  std::condition_variable quiet_;  // For Drain() and Hold().
  JobQueue queue_;                 // Guarded by mutex_, like:
  Placement* placement_ = nullptr;
  bool busy_ = false;     // A job is on, or reading ahead is being arranged.
  bool changed_ = false;  // Since that was done last.
  bool held_ = false;
  bool draining_ = false;
  bool shutdown_ = false;
  std::atomic<bool> out_of_time_{false};  // Of a drain.

  // Executor thread:
  std::unique_ptr<Job> running_;
  Executor* executor_ = nullptr;  // Of running_, once it has begun.
  Instant begun_{};
  ArrivalForecast forecast_;
  const Placement* seen_placement_ = nullptr;  // By the forecast.
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SCHED_SCHEDULER_H_
