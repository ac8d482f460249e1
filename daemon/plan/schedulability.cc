#include "daemon/plan/schedulability.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/plan/level_window.h"

namespace layerd {
namespace {

// Each job counted as if it was alone.
EndOfJobs AsIfAlone(const std::vector<AnalyzedTask>& tasks, size_t of) {
  return [&tasks, of](const JobCounts& jobs, const std::vector<size_t>& begun,
                      double limit_seconds) {
    double level = 0;
    for (const size_t i : begun) {
      level = std::max(level, tasks[i].alone_seconds);
    }
    for (size_t i = 0; i < tasks.size(); ++i) {
      level += jobs[i] * tasks[i].alone_seconds;
    }
    double end = level;
    while (true) {
      double next = level;
      for (const AnalyzedTask& task : tasks) {
        if (task.level >= tasks[of].level) continue;
        next += JobsWithin(end + task.jitter_seconds, task.period_seconds) *
                task.alone_seconds;
      }
      if (next <= end || next > limit_seconds) return next;
      end = next;
    }
  };
}

// Of its longest periods a level may be busy; by paths that takes long to find.
constexpr double kBusyPeriodsMax = 16, kBusyPeriodsByPathsMax = 4;
// Of a window. The time that their paths take grows with the third power.
constexpr double kJobsByPathsMax = 64;

double ResponseTime(const std::vector<AnalyzedTask>& tasks, size_t i,
                    bool earliest_deadline_first) {
  const EndOfJobs alone = AsIfAlone(tasks, i);
  const double deadline = tasks[i].deadline_seconds;
  if (!earliest_deadline_first) {
    return EndOfWindow(tasks, WindowByArrival(tasks, i), deadline, alone);
  }
  return ResponseByDeadline(
      tasks, i, LongestBusy(tasks, i, kBusyPeriodsMax, alone), deadline, alone);
}

double LongestPart(const TaskProgram& task) {
  double longest = task.seen_part_seconds;
  for (const TimedPart& part : task.parts) {
    longest = std::max(longest, part.seconds);
  }
  return longest;
}

// What is to be computed before somebody who comes now, at most, of those that
// `counts`: where it is done at once, a part of anybody. A device was given as
// many of each level, and one more of the level whose oldest was waited for
// when he came.
template <typename Counts>
double BegunSeconds(const std::vector<TaskProgram>& tasks, const Supply& supply,
                    Counts counts) {
  std::array<double, kLevelsMax> longest{};
  for (const TaskProgram& task : tasks) {
    double& of_level = longest[task.level - 1];
    if (counts(task)) of_level = std::max(of_level, LongestPart(task));
  }
  const double one = *std::max_element(longest.begin(), longest.end());
  if (supply.parts_open_max <= 1) return one;
  return one + static_cast<double>(supply.parts_open_max) *
                   std::accumulate(longest.begin(), longest.end(), 0.0);
}

uint64_t BytesOf(const TaskProgram& task) {
  uint64_t bytes = std::accumulate(task.reads_bytes.begin(),
                                   task.reads_bytes.end(), uint64_t{0});
  for (const RowLookup& lookup : task.lookups) bytes += lookup.bytes;
  return bytes;
}

absl::Status Check(const std::vector<TaskProgram>& tasks) {
  int undeclared = kLevelsMax + 1;
  const TaskProgram* first_undeclared = nullptr;
  for (const TaskProgram& task : tasks) {
    if (task.period_seconds > 0 || task.level >= undeclared) continue;
    undeclared = task.level;
    first_undeclared = &task;
  }
  for (const TaskProgram& task : tasks) {
    if (task.period_seconds == 0) continue;
    if (task.deadline_seconds > task.period_seconds) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "%s: deadline_ms is %g, later than its period of %g: a job would "
          "wait "
          "for the one before",
          task.name, 1e3 * task.deadline_seconds, 1e3 * task.period_seconds));
    }
    if (task.level >= undeclared) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "%s has period_ms at level %d, and %s has none at level %d: nothing "
          "can be promised beside work that may come at any rate; give %s a "
          "less urgent priority, or a period_ms",
          task.name, task.level, first_undeclared->name, undeclared,
          first_undeclared->name));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<JobPaths> PathsOf(const TaskProgram& task, const Supply& supply,
                                 const Guarantee& blocking) {
  RingCase ring_case;
  ring_case.reads_bytes = task.reads_bytes;
  ring_case.parts = task.parts;
  ring_case.drive_bytes_per_s = supply.drive_bytes_per_s;
  ring_case.ring_bytes = supply.ring_bytes[task.level - 1];
  // A job begins at a part boundary, and only then do its reads.
  ring_case.first_read_seconds = supply.first_read_seconds +
                                 blocking.block_compute_seconds +
                                 blocking.ahead_seconds;
  ring_case.block_read_seconds = blocking.block_read_seconds;
  ring_case.block_compute_seconds =
      blocking.block_compute_seconds + blocking.join_seconds;
  const std::vector<TimedPart> parts =
      WithLookups(ring_case, task.lookups,
                  {.turn_seconds = blocking.block_compute_seconds +
                                   std::max(blocking.block_read_seconds,
                                            blocking.ahead_seconds),
                   .tile_seconds = supply.first_read_seconds});
  ring_case.parts = parts;
  return JobPathsOf(ring_case);
}

// By the paths of the jobs.
EndOfJobs ByPaths(const std::vector<const AnalyzedJob*>& jobs, size_t of) {
  const int level = jobs[of]->task.level;
  std::vector<OtherTask> urgent;
  for (const AnalyzedJob* job : jobs) {
    const AnalyzedTask& task = job->task;
    if (task.level >= level) continue;
    urgent.push_back(
        {&job->paths, task.level, task.period_seconds, task.jitter_seconds});
  }
  return [&jobs, of, urgent](const JobCounts& counts,
                             const std::vector<size_t>& begun,
                             double limit_seconds) {
    if (std::accumulate(counts.begin(), counts.end(), 0.0) > kJobsByPathsMax) {
      return std::numeric_limits<double>::infinity();
    }
    LevelJobs level;
    for (size_t i = 0; i < jobs.size(); ++i) {
      const auto count = static_cast<size_t>(counts[i]);
      level.jobs.insert(level.jobs.end(), count, &jobs[i]->paths);
    }
    for (const size_t i : begun) level.begun.push_back(&jobs[i]->paths);
    return ResponseByPaths(level, jobs[of]->blocking.block_compute_seconds,
                           urgent, limit_seconds, jobs[of]->task.begin_seconds);
  };
}

double ByDeadlineAndPaths(const std::vector<AnalyzedTask>& tasks, size_t of,
                          double limit_seconds, const EndOfJobs& by_paths) {
  // What is late in short windows need not be looked at in long ones.
  const double in_short = ResponseByDeadline(tasks, of, /*busy_seconds=*/0,
                                             limit_seconds, by_paths);
  if (in_short > limit_seconds) return in_short;
  double busy = LongestBusy(tasks, of, kBusyPeriodsMax, AsIfAlone(tasks, of));
  if (std::isinf(busy)) {
    busy = LongestBusy(tasks, of, kBusyPeriodsByPathsMax, by_paths);
  }
  return ResponseByDeadline(tasks, of, busy, limit_seconds, by_paths);
}

// The smaller of both bounds.
double ResponseBeside(const std::vector<const AnalyzedJob*>& jobs, size_t of,
                      bool earliest_deadline_first) {
  std::vector<AnalyzedTask> tasks;
  for (const AnalyzedJob* job : jobs) tasks.push_back(job->task);
  const double as_if_alone = ResponseTime(tasks, of, earliest_deadline_first);
  for (const AnalyzedJob* job : jobs) {
    if (job->looks_up && job->task.level <= tasks[of].level) return as_if_alone;
  }
  const EndOfJobs by_paths = ByPaths(jobs, of);
  const double limit = std::min(as_if_alone, tasks[of].deadline_seconds);
  return std::min(
      as_if_alone,
      earliest_deadline_first
          ? ByDeadlineAndPaths(tasks, of, limit, by_paths)
          : EndOfWindow(tasks, WindowByArrival(tasks, of), limit, by_paths));
}

Guarantee BlockingOf(const TaskProgram& task,
                     const std::vector<TaskProgram>& tasks,
                     const Supply& supply) {
  Guarantee blocking;
  int most_urgent = task.level;
  uint64_t all_bytes = 0;
  bool lower_reads = false;
  for (const TaskProgram& other : tasks) {
    most_urgent = std::min(most_urgent, other.level);
    all_bytes += BytesOf(other);
    if (other.level <= task.level) continue;
    lower_reads = lower_reads || BytesOf(other) > 0;
  }
  blocking.block_compute_seconds = BegunSeconds(
      tasks, supply,
      [&](const TaskProgram& other) { return other.level > task.level; });
  const auto seconds = [&supply](uint64_t bytes) {
    return static_cast<double>(bytes) / supply.drive_bytes_per_s;
  };
  const uint64_t own_bytes = BytesOf(task);
  (lower_reads ? blocking.block_read_seconds : blocking.ahead_seconds) =
      seconds(std::min(all_bytes - own_bytes, supply.inflight_low_bytes));
  const uint64_t joined =
      task.level > most_urgent
          ? std::min(supply.read_bytes_max, supply.inflight_low_bytes)
          : supply.read_bytes_max;
  blocking.join_seconds = seconds(std::min(joined, own_bytes));
  return blocking;
}

}  // namespace

std::vector<double> ResponseTimes(const std::vector<AnalyzedTask>& tasks,
                                  bool earliest_deadline_first) {
  std::vector<double> responses;
  for (size_t i = 0; i < tasks.size(); ++i) {
    responses.push_back(ResponseTime(tasks, i, earliest_deadline_first));
  }
  return responses;
}

absl::StatusOr<AnalyzedJob> JobOf(const TaskProgram& task,
                                  const std::vector<TaskProgram>& tasks,
                                  const Supply& supply) {
  AnalyzedJob job;
  job.blocking = BlockingOf(task, tasks, supply);
  ASSIGN_OR_RETURN(job.paths, PathsOf(task, supply, job.blocking));
  job.paths.longest_part_seconds = LongestPart(task);
  job.looks_up = !task.lookups.empty();
  job.blocking.alone_seconds = job.paths.alone_seconds;
  if (task.period_seconds > 0) {
    job.blocking.deadline_seconds =
        task.deadline_seconds > 0 ? task.deadline_seconds : task.period_seconds;
  }
  job.task = {.level = task.level,
              .period_seconds = task.period_seconds,
              .alone_seconds = job.paths.alone_seconds,
              .deadline_seconds = job.blocking.deadline_seconds,
              .jitter_seconds = task.jitter_seconds};
  job.task.begin_seconds = BegunSeconds(
      tasks, supply,
      [&](const TaskProgram& other) { return other.level != task.level; });
  return job;
}

Guarantee GuaranteeBeside(const std::vector<const AnalyzedJob*>& jobs,
                          size_t of, bool earliest_deadline_first) {
  const AnalyzedTask& task = jobs[of]->task;
  Guarantee guarantee = jobs[of]->blocking;
  guarantee.response_seconds =
      ResponseBeside(jobs, of, earliest_deadline_first);
  guarantee.holds =
      guarantee.response_seconds <= guarantee.deadline_seconds &&
      guarantee.response_seconds + task.jitter_seconds <= task.period_seconds;
  return guarantee;
}

absl::StatusOr<std::vector<Guarantee>> Guarantees(
    const std::vector<TaskProgram>& tasks, const Supply& supply) {
  RETURN_IF_ERROR(Check(tasks));
  std::vector<AnalyzedJob> jobs;
  for (const TaskProgram& task : tasks) {
    ASSIGN_OR_RETURN(AnalyzedJob job, JobOf(task, tasks, supply));
    jobs.push_back(std::move(job));
  }
  std::vector<const AnalyzedJob*> declared;
  for (const AnalyzedJob& job : jobs) {
    if (job.task.period_seconds > 0) declared.push_back(&job);
  }
  std::vector<Guarantee> guarantees;
  size_t next = 0;
  for (const AnalyzedJob& job : jobs) {
    guarantees.push_back(job.task.period_seconds == 0
                             ? job.blocking
                             : GuaranteeBeside(declared, next++,
                                               supply.earliest_deadline_first));
  }
  return guarantees;
}

}  // namespace layerd
