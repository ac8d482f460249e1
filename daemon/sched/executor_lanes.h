#ifndef LAYERD_DAEMON_SCHED_EXECUTOR_LANES_H_
#define LAYERD_DAEMON_SCHED_EXECUTOR_LANES_H_

#include <memory>
#include <vector>

#include "daemon/exec/placement.h"
#include "daemon/sched/arrival_forecast.h"
#include "daemon/sched/lane.h"

namespace layerd {

// The executors of a placement, as the scheduler sees them. They share what is
// known of the rhythm of jobs, for reading ahead.
//
// Ownership: `placement` outlives it.
// Threading: executor thread, once made.
class ExecutorLanes {
 public:
  explicit ExecutorLanes(Placement* placement);
  ~ExecutorLanes();

  const Lanes& lanes() const { return lanes_; }

 private:
  ArrivalForecast forecast_;
  std::vector<std::unique_ptr<Lane>> owned_;
  Lanes lanes_{};
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SCHED_EXECUTOR_LANES_H_
