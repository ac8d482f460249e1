#include "daemon/sched/scheduler.h"

#include <algorithm>
#include <utility>

#include "config/check.h"
#include "daemon/sched/drop_reasons.h"

namespace layerd {
namespace {

using std::chrono::nanoseconds;

// A job that waits for the drive is looked at so often, and the queue at most.
constexpr nanoseconds kLookEvery = std::chrono::milliseconds(10);
constexpr nanoseconds kLookThroughQueueEvery = std::chrono::milliseconds(1);
// Late jobs of the queue between two parts: each answer takes some us.
constexpr int kDroppedAtOnce = 8;

}  // namespace

Scheduler::Scheduler(const SchedulerOptions& options, const Clock* clock)
    : options_(options),
      clock_(clock),
      queue_(options.queue_jobs_max, options.level_order),
      rest_debt_(options.rest_share) {}

Scheduler::~Scheduler() { LAYERD_CHECK(on_ == 0 && queue_.empty()); }

absl::Status Scheduler::Submit(std::unique_ptr<Job> job) {
  LAYERD_CHECK(1 <= job->level && job->level <= kLevelsMax);
  std::atomic<size_t>& waiting = waiting_[job->level - 1];
  const size_t before = waiting.fetch_add(1);
  // Counted first: whoever waits for the last one sees it, or we see him.
  const bool closed = draining_.load() || shutdown_.load();
  if (closed || before >= options_.queue_jobs_max) {
    waiting.fetch_sub(1);
    bell_.Ring();
    return closed ? ShuttingDown() : QueueIsFull(before, job->level);
  }
  unanswered_.fetch_add(1);
  work_ahead_.Add(job->level, job->predicted);
  job->number = submitted_jobs_.fetch_add(1) + 1;
  job->overruns_before = overruns_.load();
  TraceOf(*job, TraceKind::kReceived, 0, job->arrival, clock_->now());
  inbox_.Push(std::move(job));
  bell_.Ring();
  return absl::OkStatus();
}

absl::Status Scheduler::HasRoom(int level) const {
  const size_t now = waiting(level);
  return now < options_.queue_jobs_max ? absl::OkStatus()
                                       : QueueIsFull(now, level);
}

void Scheduler::Run() {
  while (true) {
    const uint32_t rung = bell_.rung();
    if (Turn()) {
      if (RestIsDue()) Rest();
      continue;
    }
    if (shutdown_.load() && on_ == 0 && queue_.empty()) return;
    const Instant since = clock_->now();
    const bool stalls = (on_ > 0 || !queue_.empty()) && !held_.load();
    bell_.WaitFor(rung, Patience());
    const nanoseconds slept = clock_->now() - since;
    NoteSlept(slept);
    if (stalls) stalled_ += slept;
  }
}

void Scheduler::NoteSlept(nanoseconds time) {
  slept_ += time;
  rest_debt_.NoteRested(time);
}

bool Scheduler::RestIsDue() const {
  if (!rest_debt_.IsDue(/*urgent=*/false) || on_ == 0) return false;
  if (rest_debt_.IsDue(/*urgent=*/true)) return true;
  const auto most_urgent =
      std::find_if(lanes_.begin(), lanes_.end(),
                   [](const Lane* lane) { return lane != nullptr; });
  for (const Level& level : levels_) {
    if (!level.on()) continue;
    if (level.job->promised_response.count() > 0) return false;
    if (level.job->level == most_urgent - lanes_.begin() + 1) return false;
  }
  return true;
}

// Ends early for a new job alone: that extents arrive is no reason.
void Scheduler::Rest() {
  const Instant since = clock_->now();
  const Instant until = since + RestDebt::kRest;
  for (Instant now = since; now < until; now = clock_->now()) {
    const uint32_t rung = bell_.rung();
    if (!inbox_.empty() || shutdown_.load() || draining_.load()) break;
    bell_.WaitFor(rung, until - now);
  }
  NoteSlept(clock_->now() - since);
}

void Scheduler::Shutdown() {
  shutdown_.store(true);
  out_of_time_.store(true);
  bell_.Ring();
}

void Scheduler::Drain(Instant deadline) {
  std::unique_lock<std::mutex> lock(mutex_);
  no_job_waits_ = false;
  draining_.store(true);
  bell_.Ring();
  auto drained = [this] { return no_job_waits_ && no_job_is_on_; };
  if (deadline > clock_->now() && quiet_.wait_until(lock, deadline, drained)) {
    return;
  }
  out_of_time_.store(true);
  bell_.Ring();
  quiet_.wait(lock, drained);
}

void Scheduler::Hold() {
  std::unique_lock<std::mutex> lock(mutex_);
  LAYERD_CHECK(!held_.load());
  no_job_is_on_ = false;
  held_.store(true);
  bell_.Ring();
  quiet_.wait(lock, [this] { return no_job_is_on_; });
}

void Scheduler::Resume(const Lanes& lanes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  lanes_ = lanes;
  read_ahead_is_due_.store(true);
  held_.store(false);
  bell_.Ring();
}

Scheduler::Stats Scheduler::stats() const {
  Stats stats{.preemptions = preemptions_.load(),
              .deadline_misses = deadline_misses_.load(),
              .cancelled = cancelled_.load(),
              .overruns = overruns_.load()};
  std::copy(promises_broken_.begin(), promises_broken_.end(),
            stats.promises_broken.begin());
  return stats;
}

// --- Executor thread ---------------------------------------------------------

bool Scheduler::Turn() {
  TakeNew();
  const Instant now = clock_->now();
  const bool more_are_late = DropLate(now);
  const Decision decision = WhoRunsNow(Look());
  switch (decision.act) {
    case Act::kBegin:
      Begin(decision.level, now);
      return true;
    case Act::kRun:
      RunPart(decision.level);
      return true;
    case Act::kNothing:
      break;
  }
  if (more_are_late) return true;
  if (held_.load() || draining_.load()) {
    Attend();
  } else if (on_ == 0 && queue_.empty() && read_ahead_is_due_.exchange(false)) {
    ReadAhead(now);
  }
  return false;
}

void Scheduler::ReadAhead(Instant now) {
  if (!options_.read_ahead) return;
  for (Lane* const lane : lanes_) {
    if (lane == nullptr || lane->ReadAhead(now)) continue;
    read_ahead_is_due_.store(true);  // When the bell rings.
  }
}

void Scheduler::TakeNew() {
  inbox_.TakeAll([this](std::unique_ptr<Job> job) {
    job->stalled_before = stalled_;
    queue_.Push(std::move(job));
  });
}

bool Scheduler::DropLate(Instant now) {
  for (int level = 1; level <= kLevelsMax; ++level) {
    if (!at(level).on() || at(level).answered) continue;
    const absl::Status boundary =
        Boundary(*at(level).job, lanes_[level - 1], now);
    if (boundary.ok()) continue;
    lanes_[level - 1]->MayEnd();  // Nothing more is read for it.
    AnswerThatOn(level, boundary);
  }
  if (queue_.empty()) return false;
  if (out_of_time_.load()) DropAllThatWait(now);
  if (now - looked_ < kLookThroughQueueEvery) return false;
  for (int dropped = 0; dropped < kDroppedAtOnce; ++dropped) {
    const std::unique_ptr<Job> job = queue_.PopDropped(now);
    if (job == nullptr) {
      looked_ = now;
      return false;
    }
    waiting_[job->level - 1].fetch_sub(1);
    Refuse(*job, Boundary(*job, nullptr, now), now);
  }
  return true;
}

void Scheduler::DropAllThatWait(Instant now) {
  for (int level = 1; level <= kLevelsMax; ++level) {
    while (!queue_.empty(level)) {
      const std::unique_ptr<Job> job = queue_.Pop(level);
      waiting_[level - 1].fetch_sub(1);
      Refuse(*job, ShuttingDown(), now);
    }
  }
}

std::array<LevelView, kLevelsMax> Scheduler::Look() {
  std::array<LevelView, kLevelsMax> views;
  const bool held = held_.load();
  bool found_ready = false;
  for (int level = 1; level <= kLevelsMax; ++level) {
    LevelView& view = views[level - 1];
    if (at(level).answered) {
      view.ready = lanes_[level - 1]->MayEnd();
      found_ready = found_ready || view.ready;
    } else if (at(level).on() && !found_ready) {
      const absl::StatusOr<bool> ready = lanes_[level - 1]->Ready();
      if (!ready.ok()) End(level, ready.status());
      view.ready = ready.ok() && *ready;
      if (ready.ok() && !*ready && at(level).waits_since == Instant{}) {
        at(level).waits_since = clock_->now();
      }
      found_ready = view.ready;  // Who is less urgent need not be asked.
    }
    view.on = at(level).on();
    if (held || queue_.empty(level)) continue;
    view.lands = at(level).answered && !view.ready;
    if (view.on) continue;
    view.waits = MayBegin(level);
    view.lands = !view.waits;
  }
  return views;
}

bool Scheduler::MayBegin(int level) {
  Lane* const lane = lanes_[level - 1];
  if (lane == nullptr || lane->FreeFor(queue_.Next(level))) return true;
  read_ahead_is_due_.store(true);  // If nothing comes of that job.
  return false;
}

void Scheduler::Begin(int level, Instant now) {
  std::unique_ptr<Job> job = queue_.Pop(level);
  waiting_[level - 1].fetch_sub(1);
  // What was read for another was given up for this one, even if it is refused.
  read_ahead_is_due_.store(true);
  absl::Status boundary = Boundary(*job, nullptr, now);
  if (boundary.ok()) boundary = InTime(*job, now);
  if (!boundary.ok()) return Refuse(*job, boundary, now);
  Lane* const lane = lanes_[level - 1];
  const absl::Status begun =
      lane != nullptr ? lane->Begin(*job)
                      : absl::UnavailableError(
                            "the model was unloaded while the request "
                            "waited");
  if (!begun.ok()) return Refuse(*job, begun, now);
  const nanoseconds left = job->predicted;
  const size_t parts = std::max<size_t>(1, lane->part_count());
  at(level) = {.job = std::move(job),
               .begun = now,
               .cpu_time = clock_->cpu_time(),
               .slept = slept_,
               .left = left,
               .step = left / static_cast<int64_t>(parts)};
  const Job& on = *at(level).job;
  TraceOf(on, TraceKind::kQueued, 0, on.arrival, now);
  if (on.deadline != Instant::max()) {
    TraceOf(on, TraceKind::kDeadline, 0, on.deadline, on.deadline);
  }
  ++on_;
}

void Scheduler::RunPart(int level) {
  Lane* const lane = lanes_[level - 1];
  if (at(level).answered) {
    lane->End();
    return Free(level);
  }
  if (lane->finished()) {
    absl::Status status = lane->Finish();
    if (status.ok()) {
      status = Boundary(*at(level).job, lane, clock_->now());
    }
    return End(level, status);
  }
  NotePreemption(level);
  const Instant begun = clock_->now();
  const size_t number = lane->next_part();
  const absl::Status part = lane->RunPart();
  NotePart(level, number, begun, clock_->now());
  if (!part.ok()) End(level, part);
}

// A job that overruns its plan is noticed here; it cannot hold up a more urgent
// one for longer than this part.
void Scheduler::NotePart(int level, size_t part, Instant begun, Instant ended) {
  Level& of = at(level);
  if (of.waits_since != Instant{}) {
    TraceOf(*of.job, TraceKind::kWait, 0, of.waits_since, begun);
    of.waits_since = Instant{};
  }
  TraceOf(*of.job, TraceKind::kPart, static_cast<uint32_t>(part), begun, ended);
  if (of.job->model != nullptr) of.job->model->part_times().Note(ended - begun);
  of.computed += ended - begun;
  rest_debt_.NoteComputed(ended - begun);
  of.left -= of.step;
  work_ahead_.Add(level, -of.step);
  const nanoseconds promised = of.job->promised_compute;
  if (of.overran || promised.count() == 0 || of.computed <= promised) return;
  of.overran = true;
  overruns_.fetch_add(1);
}

// One that ended in its first half says little.
void Scheduler::NoteSlowness(int level, const Level& ended, Instant now) {
  const nanoseconds done = ended.job->predicted - ended.left;
  if (done.count() <= 0 || 2 * done < ended.job->predicted) return;
  work_ahead_.NoteTime(level, done, now - ended.begun);
}

void Scheduler::ComparePromise(const Job& job, LateAnswer answer, Instant now) {
  answer.late = now - job.arrival - job.promised_response;
  if (job.promised_response.count() == 0 || answer.late.count() <= 0) return;
  answer.others_overran = overruns_.load() > job.overruns_before;
  answer.waited = std::max(answer.waited, stalled_ - job.stalled_before);
  const Assumption broken = BrokenBy(answer);
  promises_broken_[static_cast<size_t>(broken)].fetch_add(1);
  TraceOf(job, TraceKind::kLate, static_cast<uint32_t>(broken),
          job.arrival + job.promised_response, now);
}

void Scheduler::TraceOf(const Job& job, TraceKind kind, uint32_t number,
                        Instant begin, Instant end) {
  trace_.Add({.kind = kind,
              .level = static_cast<uint8_t>(job.level),
              .job = job.number,
              .number = number,
              .begin = begin.time_since_epoch(),
              .duration = end - begin,
              .model = job.model.get()});
}

// Where the time from begin to answer went, as far as it was this job's.
void Scheduler::TraceService(const Level& ended, nanoseconds waited,
                             nanoseconds taken) {
  const auto waited_us = static_cast<uint32_t>(waited.count() / 1000);
  TraceOf(*ended.job, TraceKind::kComputed, waited_us, ended.begun,
          ended.begun + ended.computed);
  if (!ended.cpu_time) return;
  TraceOf(*ended.job, TraceKind::kTaken, 0, ended.begun, ended.begun + taken);
}

nanoseconds Scheduler::TakenSince(const Level& ended, Instant now) const {
  const std::optional<nanoseconds> cpu_time = clock_->cpu_time();
  if (!cpu_time || !ended.cpu_time) return nanoseconds(0);
  return std::max(nanoseconds(0), now - ended.begun -
                                      (*cpu_time - *ended.cpu_time) -
                                      (slept_ - ended.slept));
}

void Scheduler::NotePreemption(int level) {
  if (ran_last_ > level && at(ran_last_).on()) {
    ++at(ran_last_).preemptions;
    preemptions_.fetch_add(1);
    const Instant now = clock_->now();
    TraceOf(*at(ran_last_).job, TraceKind::kPreempted, 0, now, now);
  }
  ran_last_ = level;
}

void Scheduler::End(int level, const absl::Status& status) {
  if (!status.ok() && !lanes_[level - 1]->MayEnd()) {
    return AnswerThatOn(level, status);
  }
  lanes_[level - 1]->End();
  AnswerThatOn(level, status);
  Free(level);
}

void Scheduler::Free(int level) {
  at(level) = Level{};
  --on_;
}

void Scheduler::AnswerThatOn(int level, const absl::Status& status) {
  const Lane* const lane = lanes_[level - 1];
  Level& ended = at(level);
  ended.answered = true;
  work_ahead_.Add(level, -ended.left);
  const Instant now = clock_->now();
  NoteSlowness(level, ended, now);
  const nanoseconds waited = lane->load_wait(), taken = TakenSince(ended, now);
  TraceService(ended, waited, taken);
  TraceOf(*ended.job, TraceKind::kJob, static_cast<uint32_t>(status.code()),
          ended.job->arrival, now);
  if (!absl::IsCancelled(status)) {
    ComparePromise(*ended.job,
                   {.over_plan = ended.computed - ended.job->promised_compute,
                    .taken = taken,
                    .waited = waited},
                   now);
  }
  if (ran_last_ == level) ran_last_ = 0;
  JobStats stats;
  stats.queued = ended.begun - ended.job->arrival;
  stats.computing = clock_->now() - ended.begun;
  stats.load_wait = waited;
  stats.read_bytes = lane->read_bytes();
  stats.preemptions = ended.preemptions;
  Answer(*ended.job, status, stats);
  ended.job->done = nullptr;  // With all that it holds.
}

void Scheduler::Refuse(const Job& job, const absl::Status& status,
                       Instant now) {
  work_ahead_.Add(job.level, -job.predicted);
  TraceOf(job, TraceKind::kJob, static_cast<uint32_t>(status.code()),
          job.arrival, now);
  if (absl::IsDeadlineExceeded(status)) ComparePromise(job, {}, now);
  Answer(job, status, {.queued = now - job.arrival});
}

void Scheduler::Answer(const Job& job, const absl::Status& status,
                       JobStats stats) {
  stats.number = job.number;
  if (absl::IsDeadlineExceeded(status)) deadline_misses_.fetch_add(1);
  if (absl::IsCancelled(status)) cancelled_.fetch_add(1);
  unanswered_.fetch_sub(1);
  job.done(status, stats);
}

void Scheduler::Attend() {
  if (on_ > 0) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  no_job_is_on_ = true;
  // Under the lock: after Drain() has taken it nothing more is let in.
  no_job_waits_ = std::all_of(
      waiting_.begin(), waiting_.end(),
      [](const std::atomic<size_t>& count) { return count.load() == 0; });
  quiet_.notify_all();
}

nanoseconds Scheduler::Patience() const {
  // Jobs in the queue wait for Resume(), and may be late before that.
  return on_ == 0 && queue_.empty() ? Bell::kForEver : kLookEvery;
}

absl::Status Scheduler::Boundary(const Job& job, const Lane* lane,
                                 Instant now) const {
  // First: gRPC cancels a call whose deadline passes.
  if (now > job.deadline) return TooLate(job, lane, now);
  if (job.cancelled != nullptr && job.cancelled->load()) {
    return absl::CancelledError("the request was cancelled");
  }
  return out_of_time_.load() ? ShuttingDown() : absl::OkStatus();
}

}  // namespace layerd
