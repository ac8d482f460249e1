#include "test/sim/simulation.h"

#include <algorithm>
#include <memory>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_format.h"
#include "config/check.h"
#include "daemon/sched/lane.h"
#include "daemon/sched/scheduler.h"
#include "loader/loader.h"

namespace layerd {
namespace {

using std::chrono::nanoseconds;

constexpr double kRounding = 1e-6;  // Seconds: of nanoseconds, over a job.
constexpr size_t kComplaintsMax = 10;

nanoseconds Time(double seconds) {
  return nanoseconds(static_cast<int64_t>(seconds * 1e9));
}
double Seconds(nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

class Simulation;

class SimLane final : public Lane {
 public:
  SimLane(Simulation* simulation, int level)
      : simulation_(simulation), level_(level) {}

  bool FreeFor(const Job&) override { return true; }
  absl::Status Begin(Job& job) override;
  absl::StatusOr<bool> Ready() override { return ready(); }
  absl::Status RunPart() override;
  bool finished() const override { return next_ == table_->parts.size(); }
  absl::Status Finish() override { return absl::OkStatus(); }
  void End() override;
  bool MayEnd() override;
  bool ReadAhead(Instant) override { return true; }
  size_t next_part() const override { return next_; }
  size_t part_count() const override { return table_->parts.size(); }
  nanoseconds load_wait() const override { return nanoseconds(0); }
  uint64_t read_bytes() const override { return 0; }

  bool on() const { return table_ != nullptr; }
  bool ready() const;
  // Dropped, and what it has in flight has yet to land.
  bool lands() const { return leaves_ && !ready(); }

 private:
  Simulation* const simulation_;
  const int level_;
  const PartTable* table_ = nullptr;
  size_t next_ = 0;
  bool leaves_ = false;
};

class Simulation {
 public:
  Simulation(const std::vector<SimTask>& tasks, const SimMachine& machine,
             const SimOptions& options, const std::vector<Guarantee>& promised,
             uint64_t seed);

  SimResult Run();

 private:
  friend class SimLane;

  // A job: its turn, its arrival, its source.
  using Waiting = std::tuple<Instant, Instant, int>;
  struct Source {
    const SimTask* task;
    Instant next_release;
    uint64_t released = 0, begun = 0;
  };

  // Inside its level the least goes first.
  Instant TurnOf(const Job& job) const {
    return options_.level_order == LevelOrder::kEdf ? job.due() : job.arrival;
  }
  Instant NextRelease() const;
  void ReleaseUntil(Instant until);
  void Release(size_t source);
  void PassUntil(Instant until);
  void Answered(size_t source, Instant release, const absl::Status& status,
                const JobStats& stats);
  bool IsPromised(size_t index) const;
  void BeforePart(int level);
  void AfterPart(int level, Instant begun);
  void Complain(const std::string& what);
  bool AnyoneCouldRun() const;

  const SimOptions options_;
  const std::vector<Guarantee> promised_;
  VirtualMachine machine_;
  SimRandom random_;
  std::vector<Source> sources_;
  std::vector<SimLane> lanes_;
  // Jobs that have not begun, by their turn.
  std::array<std::set<Waiting>, kLevelsMax> waiting_;
  uint64_t released_ = 0, answered_ = 0;
  uint64_t beyond_seen_ = 0;
  bool beyond_now_ = false;
  SimResult result_;
  std::unique_ptr<Scheduler> scheduler_;
};

int MostUrgent(const std::vector<SimTask>& tasks) {
  int level = kLevelsMax;
  for (const SimTask& task : tasks) level = std::min(level, task.level);
  return level;
}

// --- A lane ------------------------------------------------------------------

absl::Status SimLane::Begin(Job& job) {
  Simulation& s = *simulation_;
  LAYERD_CHECK(!on());
  auto& waiting = s.waiting_[level_ - 1];
  const Instant turn = s.TurnOf(job);
  if (std::get<0>(*waiting.begin()) < turn) {
    s.Complain(absl::StrFormat("level %d: a later job began first", level_));
  }
  waiting.erase(Simulation::Waiting{turn, job.arrival, job.task});
  table_ = s.sources_[job.task].task->table;
  next_ = 0;
  if (s.options_.reads_ahead) s.machine_.ReadAhead();
  s.machine_.BeginReading(level_, table_);
  return absl::OkStatus();
}

bool SimLane::ready() const {
  const SimStream& stream = simulation_->machine_.stream(level_);
  if (leaves_) return stream.bytes_in_flight == 0;
  if (finished()) return true;
  const auto& read = table_->parts[next_].read;
  return !read || stream.Arrived(*read);
}

absl::Status SimLane::RunPart() {
  Simulation& s = *simulation_;
  s.BeforePart(level_);
  const PartTable::Part& part = table_->parts[next_];
  const Instant begun = s.machine_.clock()->now();
  s.PassUntil(begun + s.machine_.PartTime(part.flops));
  if (part.read && table_->last_part_of_read[*part.read] == next_) {
    s.machine_.Release(level_, *part.read);
  }
  ++next_;
  s.AfterPart(level_, begun);
  return absl::OkStatus();
}

void SimLane::End() {
  Simulation& s = *simulation_;
  if (leaves_) s.machine_.stream(level_).TakeBack();
  leaves_ = false;
  s.machine_.EndReading(level_);
  table_ = nullptr;
}

// Dropped: what is in flight must land first, as for Loader::Stop().
bool SimLane::MayEnd() {
  leaves_ = true;
  simulation_->machine_.stream(level_).Abandon();
  return ready();
}

// --- The run -----------------------------------------------------------------

Simulation::Simulation(const std::vector<SimTask>& tasks,
                       const SimMachine& machine, const SimOptions& options,
                       const std::vector<Guarantee>& promised, uint64_t seed)
    : options_(options),
      promised_(promised),
      machine_(machine, options.jitter, options.ring_bytes, MostUrgent(tasks),
               seed),
      random_(seed + 1) {
  // The classic worst case.
  const bool all_at_once = options.all_at_once || seed % 2 == 0;
  for (size_t i = 0; i < tasks.size(); ++i) {
    const double phase = all_at_once ? 0 : random_.Uniform();
    const double first = options.first_seconds.empty()
                             ? phase * tasks[i].period_seconds
                             : options.first_seconds[i];
    sources_.push_back({&tasks[i], Instant{} + Time(first)});
  }
  lanes_.reserve(kLevelsMax);
  Lanes lanes{};
  for (int level = 1; level <= kLevelsMax; ++level) {
    lanes_.emplace_back(this, level);
    lanes[level - 1] = &lanes_.back();
  }
  scheduler_ = std::make_unique<Scheduler>(
      SchedulerOptions{.queue_jobs_max = 4096,
                       .level_order = options.level_order,
                       .read_ahead = false},
      machine_.clock());
  scheduler_->Resume(lanes);
}

SimResult Simulation::Run() {
  while (true) {
    ReleaseUntil(machine_.clock()->now());
    if (scheduler_->Turn()) continue;
    if (AnyoneCouldRun()) Complain("nothing runs although something could");
    if (released_ == answered_) beyond_now_ = false;  // All made good.
    const Instant next = std::min(NextRelease(), machine_.next_answer());
    if (next == Instant::max()) break;
    PassUntil(next);
  }
  if (answered_ != released_) Complain("a job was never answered");
  for (int level = 1; level <= kLevelsMax; ++level) {
    if (machine_.stream(level).used_twice()) {
      Complain(absl::StrFormat("level %d: ring bytes were used twice", level));
    }
  }
  const LoaderOptions loader;
  if (machine_.low_bytes_in_flight_max() > loader.inflight_low_bytes) {
    Complain(absl::StrFormat("%d bytes of low reads were in flight",
                             machine_.low_bytes_in_flight_max()));
  }
  result_.jobs = answered_;
  result_.preemptions = scheduler_->stats().preemptions;
  result_.trace_hash = machine_.trace_hash();
  if (options_.keep_trace) result_.trace = scheduler_->trace()->Events();
  return result_;
}

Instant Simulation::NextRelease() const {
  Instant next = Instant::max();
  if (released_ >= options_.jobs) return next;
  for (const Source& source : sources_) {
    next = std::min(next, source.next_release);
  }
  return next;
}

void Simulation::ReleaseUntil(Instant until) {
  while (NextRelease() <= until) {
    const Instant next = NextRelease();
    for (size_t i = 0; i < sources_.size(); ++i) {
      if (sources_[i].next_release == next && released_ < options_.jobs) {
        Release(i);
      }
    }
  }
}

void Simulation::Release(size_t index) {
  Source& source = sources_[index];
  auto job = std::make_unique<Job>();
  job->task = static_cast<int>(index);
  job->level = source.task->level;
  job->arrival = source.next_release;
  job->declared_deadline = Time(source.task->period_seconds);
  const Instant deadline = job->arrival + job->declared_deadline;
  if (options_.drop_late) job->deadline = deadline;
  const Waiting waiting{TurnOf(*job), job->arrival, job->task};
  waiting_[job->level - 1].insert(waiting);
  job->done = [this, index, waiting](const absl::Status& status,
                                     const JobStats& stats) {
    waiting_[sources_[index].task->level - 1].erase(waiting);  // Not begun.
    Answered(index, std::get<1>(waiting), status, stats);
  };
  machine_.Trace(4, index);
  LAYERD_CHECK(scheduler_->Submit(std::move(job)).ok());
  source.next_release = deadline;
  ++released_;
}

// Jobs arrive on their own threads, also while a part computes.
void Simulation::PassUntil(Instant until) {
  while (NextRelease() <= until) {
    machine_.PassUntil(NextRelease());
    ReleaseUntil(machine_.clock()->now());
  }
  machine_.PassUntil(until);
  if (machine_.beyond_assumptions() > beyond_seen_) {
    beyond_seen_ = machine_.beyond_assumptions();
    beyond_now_ = true;
  }
}

void Simulation::Answered(size_t index, Instant release,
                          const absl::Status& status, const JobStats& stats) {
  ++answered_;
  machine_.Trace(5, index + (status.ok() ? 0 : 100) + 1000 * stats.preemptions);
  const SimTask& task = *sources_[index].task;
  const double response = Seconds(machine_.clock()->now() - release);
  const double share = response / task.period_seconds;
  result_.worst_share = std::max(result_.worst_share, share);
  const bool missed = !status.ok() || response > task.period_seconds;
  result_.misses += missed;
  result_.misses_beyond_assumptions += missed && beyond_now_;
  if (beyond_now_ || !IsPromised(index)) return;
  result_.worst_share_of_bound =
      std::max(result_.worst_share_of_bound,
               response / promised_[index].response_seconds);
  if (response > promised_[index].response_seconds + kRounding) {
    Complain(absl::StrFormat("task %d: %.6f s, promised were %.6f", index,
                             response, promised_[index].response_seconds));
  }
}

// A promise stands on those of all that are as urgent or more.
bool Simulation::IsPromised(size_t index) const {
  for (size_t i = 0; i < promised_.size(); ++i) {
    if (sources_[i].task->level <= sources_[index].task->level &&
        !promised_[i].holds) {
      return false;
    }
  }
  return !promised_.empty();
}

void Simulation::BeforePart(int level) {
  machine_.Trace(6, level);
  for (int above = 1; above < level; ++above) {
    if (lanes_[above - 1].on() && lanes_[above - 1].ready()) {
      Complain(absl::StrFormat("a part of level %d before a ready one of %d",
                               level, above));
    }
  }
}

void Simulation::AfterPart(int level, Instant begun) {
  if (promised_.empty()) return;
  const double took = Seconds(machine_.clock()->now() - begun);
  for (size_t i = 0; i < sources_.size(); ++i) {
    if (sources_[i].task->level >= level) continue;
    if (took > promised_[i].block_compute_seconds + kRounding) {
      Complain(
          absl::StrFormat("task %d was blocked for %.6f s, published are "
                          "%.6f",
                          i, took, promised_[i].block_compute_seconds));
    }
  }
}

void Simulation::Complain(const std::string& what) {
  if (result_.complaints.size() < kComplaintsMax) {
    result_.complaints.push_back(what);
  }
}

bool Simulation::AnyoneCouldRun() const {
  for (int level = 1; level <= kLevelsMax; ++level) {
    const SimLane& lane = lanes_[level - 1];
    if (lane.on() && lane.ready()) return true;
    if (lane.lands() && !waiting_[level - 1].empty()) return false;
  }
  return false;
}

}  // namespace

SimResult Simulate(const std::vector<SimTask>& tasks, const SimMachine& machine,
                   const SimOptions& options,
                   const std::vector<Guarantee>& promised, uint64_t seed) {
  return Simulation(tasks, machine, options, promised, seed).Run();
}

}  // namespace layerd
