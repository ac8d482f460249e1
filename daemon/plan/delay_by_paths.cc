#include "daemon/plan/delay_by_paths.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "config/status_macros.h"

namespace layerd {
namespace {

// As in schedulability.cc.
double JobsWithin(double seconds, double period_seconds) {
  return std::ceil(seconds / period_seconds * (1 - 1e-12));
}

// One path of each, by the sum of their turns.
std::vector<double> InSequence(const std::vector<const JobPaths*>& level,
                               double begin_seconds) {
  std::vector<double> sum{begin_seconds};
  for (const JobPaths* job : level) {
    std::vector<double> next(sum.size() + job->paths.size() - 1,
                             -std::numeric_limits<double>::infinity());
    for (size_t a = 0; a < sum.size(); ++a) {
      for (size_t b = 0; b < job->paths.size(); ++b) {
        next[a + b] =
            std::max(next[a + b], sum[a] + job->paths[b] - begin_seconds);
      }
    }
    sum = std::move(next);
  }
  return sum;
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

std::vector<UrgentLevel> LevelsOf(const std::vector<UrgentTask>& urgent) {
  std::map<int, UrgentLevel> levels;
  for (size_t i = 0; i < urgent.size(); ++i) {
    const JobPaths& job = *urgent[i].job;
    UrgentLevel& level = levels[urgent[i].level];
    AddChanges(job.crossed.to_drive_seconds, i, &level.to_drive);
    AddChanges(job.crossed.to_processor_seconds, i, &level.to_processor);
    double begun = job.alone_seconds - job.crossed.whole_seconds;
    for (const auto* more :
         {&job.crossed.to_drive_seconds, &job.crossed.to_processor_seconds}) {
      if (!more->empty()) begun -= more->front();
    }
    level.begun_seconds = std::max(level.begun_seconds, begun);
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
              const std::vector<UrgentTask>& urgent,
              const std::vector<UrgentLevel>& levels, double response) {
  double demand = path;
  std::vector<double> jobs;
  for (const UrgentTask& task : urgent) {
    jobs.push_back(
        JobsWithin(response + task.jitter_seconds, task.period_seconds));
    demand += jobs.back() * task.job->crossed.whole_seconds;
  }
  for (const UrgentLevel& level : levels) {
    demand += Dearest(level.to_drive, crossings, jobs) +
              Dearest(level.to_processor, crossings, jobs) +
              level.begun_seconds;
  }
  return demand;
}

}  // namespace

absl::StatusOr<JobPaths> JobPathsOf(const RingCase& ring_case) {
  JobPaths job;
  ASSIGN_OR_RETURN(job.paths, RingPaths(ring_case));
  job.alone_seconds = *std::max_element(job.paths.begin(), job.paths.end());
  job.crossed = CrossedCostOf(ring_case);
  return job;
}

double ResponseByPaths(const std::vector<const JobPaths*>& level,
                       double begin_seconds,
                       const std::vector<UrgentTask>& urgent,
                       double limit_seconds) {
  const std::vector<double> paths = InSequence(level, begin_seconds);
  const std::vector<UrgentLevel> levels = LevelsOf(urgent);
  double worst = 0;
  for (size_t turns = 0; turns < paths.size(); ++turns) {
    if (paths[turns] < 0) continue;
    const auto crossings = static_cast<double>(turns + level.size());
    // What fewer turns took is a start for more: below the fixed point, or
    // this number of turns is not the worst.
    double response = std::max(paths[turns], worst);
    while (true) {
      const double next =
          Demand(paths[turns], crossings, urgent, levels, response);
      if (next <= response) break;
      response = next;
      if (response > limit_seconds) return response;
    }
    worst = std::max(worst, response);
  }
  return worst;
}

}  // namespace layerd
