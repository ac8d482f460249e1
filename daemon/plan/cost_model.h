#ifndef LAYERD_DAEMON_PLAN_COST_MODEL_H_
#define LAYERD_DAEMON_PLAN_COST_MODEL_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/plan/memory_plan.h"
#include "daemon/plan/program.h"

namespace layerd {

// What a program costs on a machine.
struct Costs {
  std::vector<double> part_seconds;  // In execution order.
  double drive_bytes_per_s = 0;
  double first_read_seconds = 0;
};

// What a memory plan of one model means in time.
//
// cold:  the ring is empty when the job starts, the head is there; the first
//        read takes its latency.
// warm:  the ring is full as well.
// asap:  cold, on a drive without latency: what the daemon could reach at
//        best, since it reads as soon as there is room.
// bound: what no schedule beats with as much weight memory, however it is
//        filled before the job starts.
struct Prediction {
  double cold_seconds = 0;
  double warm_seconds = 0;
  double asap_seconds = 0;
  double lower_bound_seconds = 0;
  // How long an urgent job of another model may wait for this one: its longest
  // part, and the bytes that it may have in flight.
  double blocking_seconds = 0;
};

// REQUIRES: `plan` was made for `program` alone; costs have all its parts.
absl::StatusOr<Prediction> Predict(const Program& program,
                                   const MemoryPlan& plan, const Costs& costs);

// Memory and what it buys.
struct PlannedPoint {
  uint64_t budget_bytes = 0;  // For weights; the plan may leave some unused.
  MemoryPlan plan;
  Prediction prediction;
};

// The fastest plan of at most these budgets, by its cold latency: a larger ring
// may be slower, where its seam falls badly.
// Errors: as MemoryPlan::Make().
absl::StatusOr<PlannedPoint> FastestPlan(const ModelDemand& demand,
                                         const MemoryBudgets& budgets,
                                         const Costs& costs);

// From the smallest weight budget that there is a plan for to all resident, in
// geometric steps. Latency never grows along it.
absl::StatusOr<std::vector<PlannedPoint>> MemoryCurve(const ModelDemand& demand,
                                                      const Costs& costs);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_COST_MODEL_H_
