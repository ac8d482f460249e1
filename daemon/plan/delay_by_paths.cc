#include "daemon/plan/delay_by_paths.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "config/status_macros.h"
#include "daemon/plan/analyzed_task.h"

namespace layerd {
namespace {

// What of a sequence of jobs has so many turns: [turns] seconds.
using Paths = std::vector<double>;

// One path of each, by the sum of their turns.
Paths Then(const Paths& first, const Paths& second, double begin_seconds) {
  Paths both(first.size() + second.size() - 1,
             -std::numeric_limits<double>::infinity());
  for (size_t a = 0; a < first.size(); ++a) {
    for (size_t b = 0; b < second.size(); ++b) {
      both[a + b] = std::max(both[a + b], first[a] + second[b] - begin_seconds);
    }
  }
  return both;
}

// A path of any of them.
Paths AnyOf(const std::vector<const JobPaths*>& jobs) {
  Paths any;
  for (const JobPaths* job : jobs) {
    const Paths& paths = job->paths;
    any.resize(std::max(any.size(), paths.size()),
               -std::numeric_limits<double>::infinity());
    for (size_t m = 0; m < paths.size(); ++m) {
      any[m] = std::max(any[m], paths[m]);
    }
  }
  return any;
}

// Jobs of the level one after the other.
struct Sequence {
  Paths paths;
  size_t jobs = 0;
};

Sequence InSequence(const LevelJobs& level, double begin_seconds,
                    double first_begin_seconds) {
  Sequence sequence{.paths = {first_begin_seconds}};
  const auto add = [&](const Paths& paths) {
    sequence.paths = Then(sequence.paths, paths, begin_seconds);
    ++sequence.jobs;
  };
  for (const JobPaths* job : level.jobs) add(job->paths);
  if (!level.begun.empty()) add(AnyOf(level.begun));
  return sequence;
}

// What changes of sides add, the dearest first; `task` none: any number.
struct Change {
  double seconds = 0;
  std::optional<size_t> task;
};

// Of a path that changes sides one job of a level is on at a time.
struct UrgentLevel {
  std::vector<Change> to_drive, to_processor;
  double begun_seconds = 0;
  double begun_straight_seconds = 0;  // The same, if nothing turns.
};

void AddChanges(const std::vector<double>& seconds, size_t task,
                std::vector<Change>* changes) {
  for (const double each : seconds) changes->push_back({each, task});
  changes->push_back({seconds.empty() ? 0 : seconds.back(), std::nullopt});
}

void DearestFirst(std::vector<Change>* changes) {
  std::stable_sort(
      changes->begin(), changes->end(),
      [](const Change& a, const Change& b) { return a.seconds > b.seconds; });
}

double First(const std::vector<double>& seconds) {
  return seconds.empty() ? 0 : seconds.front();
}

std::vector<UrgentLevel> LevelsOf(const std::vector<OtherTask>& urgent) {
  std::map<int, UrgentLevel> levels;
  for (size_t i = 0; i < urgent.size(); ++i) {
    const JobPaths& job = *urgent[i].job;
    UrgentLevel& level = levels[urgent[i].level];
    AddChanges(job.crossed.to_drive_seconds, i, &level.to_drive);
    AddChanges(job.crossed.to_processor_seconds, i, &level.to_processor);
    const double straight = job.alone_seconds - job.crossed.whole_seconds -
                            First(job.crossed.to_processor_seconds);
    level.begun_straight_seconds =
        std::max(level.begun_straight_seconds, straight);
    level.begun_seconds = std::max(
        level.begun_seconds, straight - First(job.crossed.to_drive_seconds));
  }
  std::vector<UrgentLevel> sorted;
  for (auto& [number, level] : levels) {
    DearestFirst(&level.to_drive);
    DearestFirst(&level.to_processor);
    sorted.push_back(std::move(level));
  }
  return sorted;
}

double Dearest(const std::vector<Change>& changes, double crossings,
               const std::vector<double>& jobs) {
  double sum = 0;
  for (const Change& change : changes) {
    const double count =
        change.task ? std::min(crossings, jobs[*change.task]) : crossings;
    sum += count * change.seconds;
    crossings -= count;
    if (crossings <= 0) break;
  }
  return sum;
}

double Demand(double path, double crossings,
              const std::vector<OtherTask>& urgent,
              const std::vector<UrgentLevel>& levels, double response) {
  double demand = path;
  std::vector<double> jobs;
  for (const OtherTask& task : urgent) {
    jobs.push_back(
        JobsWithin(response + task.jitter_seconds, task.period_seconds));
    demand += jobs.back() * task.job->crossed.whole_seconds;
  }
  for (const UrgentLevel& level : levels) {
    // The first of the level begins, and changes no side.
    demand +=
        Dearest(level.to_drive, crossings - 1, jobs) +
        Dearest(level.to_processor, crossings, jobs) +
        (crossings > 1 ? level.begun_seconds : level.begun_straight_seconds);
  }
  return demand;
}

double ResponseOf(const Sequence& sequence,
                  const std::vector<OtherTask>& urgent,
                  const std::vector<UrgentLevel>& levels,
                  double limit_seconds) {
  double worst = 0;
  for (size_t turns = 0; turns < sequence.paths.size(); ++turns) {
    const double path = sequence.paths[turns];
    if (path < 0) continue;
    const auto crossings = static_cast<double>(turns + sequence.jobs);
    // What fewer turns took is a start for more: below the fixed point, or
    // this number of turns is not the worst.
    double response = std::max(path, worst);
    while (true) {
      const double next = Demand(path, crossings, urgent, levels, response);
      if (next <= response) break;
      response = next;
      if (response > limit_seconds) return response;
    }
    worst = std::max(worst, response);
  }
  return worst;
}

}  // namespace

absl::StatusOr<JobPaths> JobPathsOf(const RingCase& ring_case) {
  JobPaths job;
  ASSIGN_OR_RETURN(job.paths, RingPaths(ring_case));
  job.alone_seconds = *std::max_element(job.paths.begin(), job.paths.end());
  job.crossed = CrossedCostOf(ring_case);
  for (const TimedPart& part : ring_case.parts) {
    job.longest_part_seconds = std::max(job.longest_part_seconds, part.seconds);
  }
  return job;
}

double ResponseByPaths(const LevelJobs& level, double begin_seconds,
                       const std::vector<OtherTask>& urgent,
                       double limit_seconds, double first_begin_seconds) {
  const std::vector<UrgentLevel> levels = LevelsOf(urgent);
  first_begin_seconds = std::max(first_begin_seconds, begin_seconds);
  for (const OtherTask& other : urgent) {
    first_begin_seconds =
        std::max(first_begin_seconds, other.job->longest_part_seconds);
  }
  return ResponseOf(InSequence(level, begin_seconds, first_begin_seconds),
                    urgent, levels, limit_seconds);
}

}  // namespace layerd
