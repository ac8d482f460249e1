#include "daemon/plan/schedulability.h"

#include <algorithm>
#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/plan/delay_by_paths.h"

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
  double longest = 0;
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

double ResponseOf(const std::vector<AnalyzedTask>& tasks,
                  const std::vector<JobPaths>& jobs, size_t of,
                  const Supply& supply, double begin_seconds) {
  LevelJobs level{.once = {&jobs[of]}, .repeated = {}};
  std::vector<OtherTask> urgent;
  for (size_t i = 0; i < tasks.size(); ++i) {
    const OtherTask other{&jobs[i], tasks[i].level, tasks[i].period_seconds,
                          tasks[i].jitter_seconds};
    if (i == of || other.level > tasks[of].level) continue;
    if (other.level < tasks[of].level) {
      urgent.push_back(other);
    } else if (supply.earliest_deadline_first) {
      level.repeated.push_back(other);
    } else {
      level.once.push_back(other.job);
    }
  }
  return ResponseByPaths(level, begin_seconds, urgent,
                         tasks[of].deadline_seconds);
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

absl::StatusOr<std::vector<Guarantee>> Guarantees(
    const std::vector<TaskProgram>& tasks, const Supply& supply) {
  RETURN_IF_ERROR(Check(tasks));
  std::vector<Guarantee> guarantees;
  std::vector<AnalyzedTask> analyzed;
  std::vector<JobPaths> jobs;
  std::vector<size_t> declared;
  for (const TaskProgram& task : tasks) {
    Guarantee& guarantee =
        guarantees.emplace_back(BlockingOf(task, tasks, supply));
    ASSIGN_OR_RETURN(JobPaths paths, PathsOf(task, supply, guarantee));
    guarantee.alone_seconds = paths.alone_seconds;
    if (task.period_seconds == 0) continue;
    guarantee.deadline_seconds =
        task.deadline_seconds > 0 ? task.deadline_seconds : task.period_seconds;
    jobs.push_back(std::move(paths));
    declared.push_back(guarantees.size() - 1);
    analyzed.push_back({.level = task.level,
                        .period_seconds = task.period_seconds,
                        .alone_seconds = guarantee.alone_seconds,
                        .deadline_seconds = guarantee.deadline_seconds,
                        .jitter_seconds = task.jitter_seconds});
  }
  const std::vector<double> responses =
      ResponseTimes(analyzed, supply.earliest_deadline_first);
  for (size_t d = 0; d < declared.size(); ++d) {
    Guarantee& guarantee = guarantees[declared[d]];
    guarantee.response_seconds = std::min(
        responses[d],
        ResponseOf(analyzed, jobs, d, supply, guarantee.block_compute_seconds));
    guarantee.holds =
        guarantee.response_seconds <= guarantee.deadline_seconds &&
        guarantee.response_seconds + analyzed[d].jitter_seconds <=
            analyzed[d].period_seconds;
  }
  return guarantees;
}

}  // namespace layerd
