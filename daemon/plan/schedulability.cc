#include "daemon/plan/schedulability.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"

namespace layerd {
namespace {

// Seconds are sums of measured ones: a response that ends with a period is not
// hit by the next job of it.
double JobsWithin(double seconds, double period_seconds) {
  return std::ceil(seconds / period_seconds * (1 - 1e-12));
}

double Demand(const std::vector<AnalyzedTask>& tasks, size_t i, double response,
              bool earliest_deadline_first) {
  double demand = tasks[i].alone_seconds;
  double begun = 0;
  for (size_t j = 0; j < tasks.size(); ++j) {
    const AnalyzedTask& other = tasks[j];
    if (j == i || other.level > tasks[i].level) continue;
    double jobs =
        JobsWithin(response + other.jitter_seconds, other.period_seconds);
    if (other.level == tasks[i].level) {
      if (earliest_deadline_first) {
        begun = std::max(begun, other.alone_seconds);
      } else {
        jobs = 1;
      }
    }
    demand += jobs * other.alone_seconds;
  }
  return demand + begun;
}

double ResponseTime(const std::vector<AnalyzedTask>& tasks, size_t i,
                    bool earliest_deadline_first) {
  double response = tasks[i].alone_seconds;
  while (true) {
    const double next = Demand(tasks, i, response, earliest_deadline_first);
    if (next <= response || next > tasks[i].deadline_seconds) return next;
    response = next;
  }
}

double LongestPart(const TaskProgram& task) {
  double longest = task.seen_part_seconds;
  for (const TimedPart& part : task.parts) {
    longest = std::max(longest, part.seconds);
  }
  return longest;
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
  ring_case.first_read_seconds =
      supply.first_read_seconds + blocking.block_compute_seconds;
  ring_case.block_read_seconds = blocking.block_read_seconds;
  ring_case.block_compute_seconds =
      blocking.block_compute_seconds + blocking.join_seconds;
  return JobPathsOf(ring_case);
}

double ResponseByPathsOf(const std::vector<const AnalyzedJob*>& jobs, size_t of,
                         bool earliest_deadline_first) {
  const AnalyzedJob& mine = *jobs[of];
  LevelJobs level{.once = {&mine.paths}, .repeated = {}};
  std::vector<OtherTask> urgent;
  for (size_t i = 0; i < jobs.size(); ++i) {
    const AnalyzedTask& task = jobs[i]->task;
    const OtherTask other{&jobs[i]->paths, task.level, task.period_seconds,
                          task.jitter_seconds};
    if (i == of || other.level > mine.task.level) continue;
    if (other.level < mine.task.level) {
      urgent.push_back(other);
    } else if (earliest_deadline_first) {
      level.repeated.push_back(other);
    } else {
      level.once.push_back(other.job);
    }
  }
  return ResponseByPaths(level, mine.blocking.block_compute_seconds, urgent,
                         mine.task.deadline_seconds);
}

Guarantee BlockingOf(const TaskProgram& task,
                     const std::vector<TaskProgram>& tasks,
                     const Supply& supply) {
  Guarantee blocking;
  int most_urgent = task.level;
  uint64_t low_bytes = 0;  // Of all extents of lower tasks.
  for (const TaskProgram& other : tasks) {
    most_urgent = std::min(most_urgent, other.level);
    if (other.level <= task.level) continue;
    blocking.block_compute_seconds =
        std::max(blocking.block_compute_seconds, LongestPart(other));
    for (const uint64_t bytes : other.reads_bytes) low_bytes += bytes;
  }
  blocking.block_read_seconds =
      static_cast<double>(std::min(low_bytes, supply.inflight_low_bytes)) /
      supply.drive_bytes_per_s;
  uint64_t all_bytes = 0;
  for (const uint64_t bytes : task.reads_bytes) all_bytes += bytes;
  const uint64_t joined =
      task.level > most_urgent
          ? std::min(supply.read_bytes_max, supply.inflight_low_bytes)
          : supply.read_bytes_max;
  blocking.join_seconds = static_cast<double>(std::min(joined, all_bytes)) /
                          supply.drive_bytes_per_s;
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
  return job;
}

Guarantee GuaranteeBeside(const std::vector<const AnalyzedJob*>& jobs,
                          size_t of, bool earliest_deadline_first) {
  std::vector<AnalyzedTask> tasks;
  for (const AnalyzedJob* job : jobs) tasks.push_back(job->task);
  Guarantee guarantee = jobs[of]->blocking;
  guarantee.response_seconds =
      std::min(ResponseTime(tasks, of, earliest_deadline_first),
               ResponseByPathsOf(jobs, of, earliest_deadline_first));
  guarantee.holds = guarantee.response_seconds <= guarantee.deadline_seconds &&
                    guarantee.response_seconds + tasks[of].jitter_seconds <=
                        tasks[of].period_seconds;
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
