#ifndef LAYERD_DAEMON_PLAN_COST_MODEL_H_
#define LAYERD_DAEMON_PLAN_COST_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/plan/costs.h"
#include "daemon/plan/memory_plan.h"
#include "daemon/plan/program.h"

namespace layerd {

// Of work below the most urgent, at the drive, as LoaderOptions has it.
inline constexpr uint64_t kInflightLowBytes = 512 << 10;

// From the median of a part to what nearly every one of them keeps to.
inline constexpr double kSlowPart = 1.25;

// What a memory plan means in time, for one of its models.
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
  double resident_seconds = 0;  // Computing alone.
  // How long an urgent job of another model may wait for this one: its longest
  // part, a quarter slower than it mostly is, or as slow as nearly all were
  // seen to be, and the bytes that it may have in flight.
  double blocking_seconds = 0;
};

// REQUIRES: `plan` was made for `program` as its model number `index`; costs
//           have all its parts.
absl::StatusOr<Prediction> Predict(const Program& program,
                                   const MemoryPlan& plan, const Costs& costs,
                                   size_t index = 0);

// What a plan means for each of its models, and what it gave up.
struct ModelOutlook {
  std::string name;
  Prediction prediction;
  // Of its cold latency, if the budget were 1 MiB more.
  double saved_by_one_mib_seconds = 0;
};
// REQUIRES: `plan` is the planner's for these budgets; every demand has costs.
absl::StatusOr<std::vector<ModelOutlook>> OutlookOf(
    const std::vector<ModelDemand>& demands, const MemoryPlan& plan,
    const MemoryBudgets& budgets, MemoryPlanner* planner);

// Memory and what it buys.
struct PlannedPoint {
  uint64_t budget_bytes = 0;  // For weights; the plan may leave some unused.
  MemoryPlan plan;
  Prediction prediction;
};

// The plan for these budgets by these costs, and what it means. More memory is
// never slower.
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
