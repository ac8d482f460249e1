#ifndef LAYERD_DAEMON_SCHED_SCHEDULER_H_
#define LAYERD_DAEMON_SCHED_SCHEDULER_H_

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "absl/status/status.h"
#include "daemon/rt/clock.h"
#include "daemon/sched/broken_promise.h"
#include "daemon/sched/inbox.h"
#include "daemon/sched/job.h"
#include "daemon/sched/job_queue.h"
#include "daemon/sched/lane.h"
#include "daemon/sched/rest_debt.h"
#include "daemon/sched/trace_buffer.h"
#include "daemon/sched/who_runs_now.h"
#include "daemon/sched/work_ahead.h"
#include "loader/bell.h"

namespace layerd {

struct SchedulerOptions {
  size_t queue_jobs_max = 64;  // That wait, at each level.
  LevelOrder level_order = LevelOrder::kFifo;
  // Without it every job starts with an empty ring.
  bool read_ahead = true;
  // Of the time, that Run() leaves its CPU to others (rest_debt.h): while it
  // computes best effort below the most urgent level, and while it computes
  // others only when that has not been for long.
  double rest_share = 0;
};

// Who runs now? Asked again at each part boundary, about 1 ms apart, of a pure
// function (who_runs_now.h).
//
//   Submit() --> [Inbox] --> [JobQueue] --> Turn(): begin | part | end --> done
//
// Each level has a lane of its own, with its memory, so a more urgent job takes
// over at a boundary and nothing is saved, read twice or waited for. With
// nothing to do, each level reads ahead for the job it expects next, so that a
// request finds its first weights in memory.
//
// Before a job begins, at each boundary and before it answers, first that
// holds: past its deadline is DEADLINE_EXCEEDED, cancelled CANCELLED, and when
// a drain has run out of time UNAVAILABLE. Jobs that wait for the drive or in
// the queue are looked at no later than 10 ms after that. One whose turn comes
// too late for what is predicted of it is not begun: DEADLINE_EXCEEDED.
//
// A job that is dropped, or fails, is answered at once, and leaves its lane
// when what it has in flight has landed: a drive that stalls holds up nobody
// who needs nothing of it.
//
// Threading: Run() is the executor thread's whole life; the rest from any
//            thread. Submitters and Run() meet in atomics; the mutex is for
//            Hold() and Drain() alone, and Run() takes it only for them.
// Cost:      nothing is allocated between Submit() and `done` of a job that
//            goes well.
class Scheduler {
 public:
  // `clock` outlives the scheduler.
  Scheduler(const SchedulerOptions& options, const Clock* clock);
  // REQUIRES: Run() has returned, or never was called, and no job waits.
  ~Scheduler();

  // RESOURCE_EXHAUSTED if so many wait at that level, UNAVAILABLE when
  // draining: then `done` is not called.
  absl::Status Submit(std::unique_ptr<Job> job);

  // RESOURCE_EXHAUSTED if it would refuse for the queue's sake now.
  absl::Status HasRoom(int level) const;

  // Returns after Shutdown(). Jobs that are on end at their next boundary, and
  // they and those that wait hear UNAVAILABLE: drain before.
  void Run();
  void Shutdown();

  // As Engine::Drain().
  void Drain(Instant deadline);

  // Returns when no job is on, and none begins before Resume(): the time to
  // change what is in memory. One caller at a time.
  void Hold();
  // A loan until the next Hold() has returned.
  void Resume(const Lanes& lanes);

  // What has happened last.
  TraceBuffer* trace() { return &trace_; }
  // Rung by whoever makes a lane ready.
  Bell* bell() { return &bell_; }

  // One decision and what follows from it; false if there is nothing to do
  // before the bell rings, or a deadline passes. Run() is this in a loop; the
  // simulator calls it in virtual time.
  bool Turn();

  struct Stats {
    uint64_t preemptions = 0;
    uint64_t deadline_misses = 0;  // Jobs that were dropped for it.
    uint64_t cancelled = 0;
    // Jobs that computed longer than the plan counts with.
    uint64_t overruns = 0;
    // Answers later than promised, by the Assumption that did not hold.
    std::array<uint64_t, kAssumptions> promises_broken{};
    // Jobs of declared tasks that came before their time, and were refused:
    // counted by the engine.
    uint64_t too_often = 0;
    // The loader was to have its real-time priority again, and could not:
    // likewise.
    uint64_t realtime_refused = 0;
  };
  Stats stats() const;
  // Every job that was submitted has its answer, or is about to hear it. Any
  // thread.
  bool all_answered() const { return unanswered_.load() == 0; }
  size_t waiting(int level) const { return waiting_[level - 1].load(); }
  // Any thread.
  WorkAhead::Forecast ForecastOf(int level,
                                 std::chrono::nanoseconds predicted) const {
    return work_ahead_.ForecastOf(level, predicted);
  }

 private:
  // A level, with the job that is on there.
  struct Level {
    std::unique_ptr<Job> job;
    Instant begun{};
    uint32_t preemptions = 0;
    std::chrono::nanoseconds computed{0};
    // At its begin, of the executor's thread.
    std::optional<std::chrono::nanoseconds> cpu_time;
    std::chrono::nanoseconds slept{0};
    std::chrono::nanoseconds left{0};  // Of what was predicted.
    std::chrono::nanoseconds step{0};  // Of that, a part.
    bool overran = false;
    bool answered = false;  // Dropped: all that is left is to leave the lane.
    Instant waits_since{};  // For the drive; the epoch: it does not.
    bool on() const { return job != nullptr; }
  };
  Level& at(int level) { return levels_[level - 1]; }

  void TakeNew();
  // True if there may be more to drop.
  bool DropLate(Instant now);
  void DropAllThatWait(Instant now);
  // The level's next job need not wait for what was read for another.
  bool MayBegin(int level);
  void Begin(int level, Instant now);
  void RunPart(int level);
  // Asks the lanes, and ends jobs whose earlier parts have failed.
  std::array<LevelView, kLevelsMax> Look();
  // Why the job must not go on; OK if it may.
  absl::Status Boundary(const Job& job, const Lane* lane, Instant now) const;
  // Ends the job that is on, with that answer.
  void End(int level, const absl::Status& status);
  // Its two halves: the job may have its answer before its lane is free.
  void AnswerThatOn(int level, const absl::Status& status);
  void Free(int level);
  void Answer(const Job& job, const absl::Status& status, JobStats stats);
  // Answers one that has not begun.
  void Refuse(const Job& job, const absl::Status& status, Instant now);
  void TraceOf(const Job& job, TraceKind kind, uint32_t number, Instant begin,
               Instant end);
  void TraceService(const Level& ended, std::chrono::nanoseconds waited,
                    std::chrono::nanoseconds taken);
  // Since its begin the executor neither computed nor slept for so long; 0
  // where that is not known.
  std::chrono::nanoseconds TakenSince(const Level& ended, Instant now) const;
  void NotePreemption(int level);
  void NotePart(int level, size_t part, Instant begun, Instant ended);
  void NoteSlowness(int level, const Level& ended, Instant now);
  // `answer`: what is known of it, but for how late it is, and what others did.
  void ComparePromise(const Job& job, LateAnswer answer, Instant now);
  void ReadAhead(Instant now);
  // Tells Hold() and Drain() that it is quiet.
  void Attend();
  std::chrono::nanoseconds Patience() const;
  bool RestIsDue() const;
  void Rest();
  void NoteSlept(std::chrono::nanoseconds time);

  const SchedulerOptions options_;
  const Clock* const clock_;
  Bell bell_;
  TraceBuffer trace_;
  Inbox inbox_;
  // Submitted and not begun.
  std::array<std::atomic<size_t>, kLevelsMax> waiting_{};
  WorkAhead work_ahead_;
  std::atomic<uint32_t> submitted_jobs_{0};
  std::atomic<size_t> unanswered_{0};
  std::atomic<bool> held_{false};
  std::atomic<bool> draining_{false};
  std::atomic<bool> shutdown_{false};
  std::atomic<bool> out_of_time_{false};  // Of a drain.

  std::mutex mutex_;
  std::condition_variable quiet_;
  bool no_job_is_on_ = true;  // Guarded by mutex_, like:
  bool no_job_waits_ = true;

  // Executor thread:
  JobQueue queue_;
  Lanes lanes_{};
  std::array<Level, kLevelsMax> levels_;
  int on_ = 0;                                  // Jobs.
  std::atomic<bool> read_ahead_is_due_{false};  // Also by Resume().
  int ran_last_ = 0;  // The level that computed the last part; 0: none.
  Instant looked_{};  // When the queue was last looked through.
  RestDebt rest_debt_;
  std::chrono::nanoseconds slept_{0};  // By Run(), since the start; of that,
  // while there were jobs and only the drive could tell more.
  std::chrono::nanoseconds stalled_{0};

  std::atomic<uint64_t> preemptions_{0};
  std::atomic<uint64_t> deadline_misses_{0};
  std::atomic<uint64_t> cancelled_{0};
  std::atomic<uint64_t> overruns_{0};
  std::array<std::atomic<uint64_t>, kAssumptions> promises_broken_{};
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SCHED_SCHEDULER_H_
