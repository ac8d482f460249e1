#ifndef LAYERD_DAEMON_SCHED_EXECUTOR_LANES_H_
#define LAYERD_DAEMON_SCHED_EXECUTOR_LANES_H_

#include <functional>
#include <memory>
#include <vector>

#include "daemon/exec/placement.h"
#include "daemon/sched/arrival_forecast.h"
#include "daemon/sched/jobs_in_hurry.h"
#include "daemon/sched/lane.h"

namespace layerd {

// The executors of a placement, as the scheduler sees them. They share what is
// known of the rhythm of jobs, for reading ahead, and whether any of those that
// are on is urgent: of the most urgent level, or promised.
//
// Ownership: `placement` outlives it.
// Threading: executor thread, once made.
class ExecutorLanes {
 public:
  // `set_hurry`: as JobsInHurry tells it; may be empty.
  ExecutorLanes(Placement* placement, std::function<void(bool)> set_hurry);
  ~ExecutorLanes();

  const Lanes& lanes() const { return lanes_; }

 private:
  ArrivalForecast forecast_;
  JobsInHurry in_hurry_;
  std::vector<std::unique_ptr<Lane>> owned_;
  Lanes lanes_{};
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SCHED_EXECUTOR_LANES_H_
