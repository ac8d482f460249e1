#include "daemon/plan/cost_model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "config/check.h"
#include "config/status_macros.h"
#include "daemon/plan/drive_rate.h"
#include "daemon/plan/ring_recurrence.h"
#include "loader/store/format.h"

namespace layerd {
namespace {

// An octave of memory in so many steps.
constexpr int kStepsPerOctave = 4;

// Which bytes go through the ring, and who waits for them.
struct Stream {
  std::vector<uint64_t> reads_bytes;
  std::vector<TimedPart> parts;

  RingCase On(const Costs& costs, uint64_t ring_bytes) const {
    RingCase ring_case = RingCaseOf(costs, ring_bytes);
    ring_case.reads_bytes = reads_bytes;
    ring_case.parts = parts;
    return ring_case;
  }
};

// `memory` says what is resident; if it is null, nothing is.
Stream StreamOf(const Program& program, const Costs& costs,
                const MemoryPlan::ModelMemory* memory) {
  Stream stream;
  std::vector<std::optional<uint32_t>> number(program.reads.size());
  for (size_t i = 0; i < program.reads.size(); ++i) {
    const uint32_t extent = program.reads[i];
    if (memory != nullptr && memory->resident_offsets[extent]) continue;
    number[i] = static_cast<uint32_t>(stream.reads_bytes.size());
    stream.reads_bytes.push_back(program.extents[extent].stored_bytes);
  }
  for (size_t t = 0; t < program.parts.size(); ++t) {
    const Part& part = program.parts[t];
    stream.parts.push_back({part.read ? number[*part.read] : std::nullopt,
                            costs.part_seconds[t] + costs.launch_seconds});
  }
  return stream;
}

// Each extent once, where it is first used: a schedule may keep it.
Stream DistinctStreamOf(const Program& program, const Costs& costs) {
  Stream stream = StreamOf(program, costs, nullptr);
  std::vector<bool> seen(program.extents.size(), false);
  for (size_t i = 0; i < program.reads.size(); ++i) {
    if (seen[program.reads[i]]) stream.reads_bytes[i] = 0;
    seen[program.reads[i]] = true;
  }
  return stream;
}

absl::StatusOr<double> LastFinish(const RingCase& ring_case) {
  ASSIGN_OR_RETURN(const std::vector<double> finish,
                   RingFinishTimes(ring_case));
  return finish.empty() ? 0.0 : finish.back();
}

uint64_t RingOf(const MemoryPlan& plan, int level) {
  for (const MemoryPlan::LevelMemory& memory : plan.levels) {
    if (memory.level == level) return memory.ring.bytes;
  }
  return 0;
}

double BlockingSeconds(const MemoryPlan::ModelMemory& model, const Costs& costs,
                       double seen_part_seconds = 0) {
  double longest = seen_part_seconds;
  for (const double seconds : costs.part_seconds) {
    longest = std::max(longest, kSlowPart * seconds + costs.launch_seconds);
  }
  const auto in_flight =
      static_cast<double>(std::min(kInflightLowBytes, model.streamed_bytes));
  return longest + in_flight / costs.drive_bytes_per_s;
}

// minimum, then steps of a fixed ratio, up to `all` and with it.
std::vector<uint64_t> BudgetsBetween(uint64_t minimum, uint64_t all) {
  std::vector<uint64_t> budgets;
  for (int step = 0;; ++step) {
    const double bytes = static_cast<double>(std::max(minimum, kPageBytes)) *
                         std::exp2(static_cast<double>(step) / kStepsPerOctave);
    if (bytes >= static_cast<double>(all)) break;
    budgets.push_back(step == 0 ? minimum : static_cast<uint64_t>(bytes));
  }
  budgets.push_back(all);
  return budgets;
}

// With what was seen of its parts.
absl::StatusOr<Prediction> PredictDemand(const ModelDemand& demand,
                                         const MemoryPlan& plan, size_t index) {
  ASSIGN_OR_RETURN(Prediction prediction,
                   Predict(*demand.program, plan, *demand.costs, index));
  prediction.blocking_seconds = BlockingSeconds(
      plan.models[index], *demand.costs, demand.seen_part_seconds);
  return prediction;
}

absl::StatusOr<PlannedPoint> PointAt(const ModelDemand& demand,
                                     const MemoryBudgets& budgets,
                                     MemoryPlanner* planner) {
  PlannedPoint point;
  point.budget_bytes = budgets.weight_bytes;
  ASSIGN_OR_RETURN(point.plan, planner->Plan(budgets));
  ASSIGN_OR_RETURN(point.prediction, PredictDemand(demand, point.plan, 0));
  return point;
}

ModelDemand WithCosts(ModelDemand demand, const Costs& costs) {
  demand.costs = &costs;
  return demand;
}

uint64_t OneMibMore(uint64_t bytes) {
  constexpr uint64_t kMiB = 1 << 20;
  return bytes > std::numeric_limits<uint64_t>::max() - kMiB ? bytes
                                                             : bytes + kMiB;
}

}  // namespace

absl::StatusOr<Prediction> Predict(const Program& program,
                                   const MemoryPlan& plan, const Costs& costs,
                                   size_t index) {
  LAYERD_CHECK(index < plan.models.size());
  LAYERD_CHECK(costs.part_seconds.size() == program.parts.size());
  LAYERD_CHECK(costs.drive_bytes_per_s > 0);
  const MemoryPlan::ModelMemory& model = plan.models[index];
  const uint64_t ring_bytes = RingOf(plan, model.level);
  const Stream stream = StreamOf(program, costs, &model);
  RingCase ring_case = stream.On(costs, ring_bytes);
  Prediction prediction;
  ASSIGN_OR_RETURN(prediction.asap_seconds, LastFinish(ring_case));
  ring_case.prefilled_bytes = ring_bytes;
  ASSIGN_OR_RETURN(prediction.warm_seconds, LastFinish(ring_case));
  ring_case.prefilled_bytes = 0;
  ring_case.first_read_seconds = costs.first_read_seconds;
  ASSIGN_OR_RETURN(prediction.cold_seconds, LastFinish(ring_case));

  const uint64_t memory_bytes = ring_bytes + model.head.bytes;
  const Stream all = DistinctStreamOf(program, costs);
  RingCase any = all.On(costs, memory_bytes);
  any.prefilled_bytes = memory_bytes;
  any.drive_bytes_per_s = costs.drive_bytes_per_s;  // As fast as it ever is.
  const LowerBounds bounds = AnyScheduleBounds(any, memory_bytes);
  prediction.lower_bound_seconds = bounds.greatest_seconds();
  prediction.resident_seconds = bounds.compute_seconds;
  prediction.blocking_seconds = BlockingSeconds(model, costs);
  return prediction;
}

absl::StatusOr<std::vector<ModelOutlook>> OutlookOf(
    const std::vector<ModelDemand>& demands, const MemoryPlan& plan,
    const MemoryBudgets& budgets, MemoryPlanner* planner) {
  ASSIGN_OR_RETURN(
      const MemoryPlan more,
      planner->Plan({.weight_bytes = OneMibMore(budgets.weight_bytes),
                     .memory_bytes = OneMibMore(budgets.memory_bytes)}));
  std::vector<ModelOutlook> outlook;
  for (size_t m = 0; m < demands.size(); ++m) {
    const ModelDemand& demand = demands[m];
    ASSIGN_OR_RETURN(const Prediction now, PredictDemand(demand, plan, m));
    ASSIGN_OR_RETURN(const Prediction then, PredictDemand(demand, more, m));
    outlook.push_back({demand.name, now, now.cold_seconds - then.cold_seconds});
  }
  return outlook;
}

absl::StatusOr<PlannedPoint> FastestPlan(const ModelDemand& demand,
                                         const MemoryBudgets& budgets,
                                         const Costs& costs) {
  const ModelDemand costed = WithCosts(demand, costs);
  MemoryPlanner planner({costed});
  return PointAt(costed, budgets, &planner);
}

absl::StatusOr<std::vector<PlannedPoint>> MemoryCurve(const ModelDemand& demand,
                                                      const Costs& costs) {
  const ModelDemand costed = WithCosts(demand, costs);
  MemoryPlanner planner({costed});
  ASSIGN_OR_RETURN(const MemoryPlan all, planner.Plan({}));
  std::vector<PlannedPoint> curve;
  for (const uint64_t bytes :
       BudgetsBetween(all.minimum_weight_bytes, all.weight_memory_bytes())) {
    ASSIGN_OR_RETURN(PlannedPoint point,
                     PointAt(costed, {.weight_bytes = bytes}, &planner));
    curve.push_back(std::move(point));
  }
  return curve;
}

}  // namespace layerd
