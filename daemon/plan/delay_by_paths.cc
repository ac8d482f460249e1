#include "daemon/plan/delay_by_paths.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "config/status_macros.h"
#include "daemon/plan/ring_paths.h"

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

double Demand(double path, double crossings,
              const std::vector<UrgentTask>& urgent, double response) {
  double demand = path;
  for (const UrgentTask& task : urgent) {
    const JobPaths& job = *task.job;
    const double jobs =
        JobsWithin(response + task.jitter_seconds, task.period_seconds);
    const double whole = std::min(jobs, crossings);
    const double across = std::min(jobs - whole, crossings);
    demand += jobs * job.base_seconds +
              whole * (job.alone_seconds - job.base_seconds) +
              across * job.across_seconds;
  }
  return demand;
}

}  // namespace

absl::StatusOr<JobPaths> JobPathsOf(const RingCase& ring_case) {
  JobPaths job;
  ASSIGN_OR_RETURN(job.paths, RingPaths(ring_case));
  job.alone_seconds = *std::max_element(job.paths.begin(), job.paths.end());
  double compute = 0, read = 0;
  for (const TimedPart& part : ring_case.parts) compute += part.seconds;
  for (const uint64_t bytes : ring_case.reads_bytes) {
    read += static_cast<double>(bytes) / ring_case.drive_bytes_per_s;
  }
  job.base_seconds = std::max(compute, read);
  job.across_seconds =
      std::min(job.alone_seconds, ReadThenComputeSeconds(ring_case)) -
      job.base_seconds;
  job.across_seconds = std::max(0.0, job.across_seconds);
  return job;
}

double ResponseByPaths(const std::vector<const JobPaths*>& level,
                       double begin_seconds,
                       const std::vector<UrgentTask>& urgent,
                       double limit_seconds) {
  const std::vector<double> paths = InSequence(level, begin_seconds);
  double worst = 0;
  for (size_t turns = 0; turns < paths.size(); ++turns) {
    if (paths[turns] < 0) continue;
    const auto crossings = static_cast<double>(turns + level.size());
    // What fewer turns took is a start for more: below the fixed point, or
    // this number of turns is not the worst.
    double response = std::max(paths[turns], worst);
    while (true) {
      const double next = Demand(paths[turns], crossings, urgent, response);
      if (next <= response) break;
      response = next;
      if (response > limit_seconds) return response;
    }
    worst = std::max(worst, response);
  }
  return worst;
}

}  // namespace layerd
