#include "daemon/plan/cost_model.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "config/check.h"
#include "config/status_macros.h"
#include "daemon/plan/ring_recurrence.h"
#include "loader/store/format.h"

namespace layerd {
namespace {

// An octave of memory in so many steps.
constexpr int kStepsPerOctave = 4;
constexpr uint64_t kInflightLowBytes = 512 << 10;  // As LoaderOptions has it.

// Which bytes go through the ring, and who waits for them.
struct Stream {
  std::vector<uint64_t> reads_bytes;
  std::vector<TimedPart> parts;

  RingCase On(const Costs& costs, uint64_t ring_bytes) const {
    RingCase ring_case;
    ring_case.reads_bytes = reads_bytes;
    ring_case.parts = parts;
    ring_case.drive_bytes_per_s = costs.drive_bytes_per_s;
    ring_case.ring_bytes = ring_bytes;
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
    stream.parts.push_back(
        {part.read ? number[*part.read] : std::nullopt, costs.part_seconds[t]});
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

absl::StatusOr<PlannedPoint> PointAt(const ModelDemand& demand,
                                     const MemoryBudgets& budgets,
                                     const Costs& costs) {
  PlannedPoint point;
  point.budget_bytes = budgets.weight_bytes;
  ASSIGN_OR_RETURN(point.plan, MemoryPlan::Make({demand}, budgets));
  ASSIGN_OR_RETURN(point.prediction,
                   Predict(*demand.program, point.plan, costs));
  return point;
}

bool IsFaster(const PlannedPoint& a, const PlannedPoint& b) {
  return a.prediction.cold_seconds < b.prediction.cold_seconds;
}

}  // namespace

absl::StatusOr<Prediction> Predict(const Program& program,
                                   const MemoryPlan& plan, const Costs& costs) {
  LAYERD_CHECK(plan.models.size() == 1);
  LAYERD_CHECK(costs.part_seconds.size() == program.parts.size());
  LAYERD_CHECK(costs.drive_bytes_per_s > 0);
  const Stream stream = StreamOf(program, costs, &plan.models.front());
  RingCase ring_case = stream.On(costs, plan.ring_bytes);
  Prediction prediction;
  ASSIGN_OR_RETURN(prediction.asap_seconds, LastFinish(ring_case));
  ring_case.prefilled_bytes = plan.ring_bytes;
  ASSIGN_OR_RETURN(prediction.warm_seconds, LastFinish(ring_case));
  ring_case.prefilled_bytes = 0;
  ring_case.first_read_seconds = costs.first_read_seconds;
  ASSIGN_OR_RETURN(prediction.cold_seconds, LastFinish(ring_case));

  const uint64_t memory_bytes = plan.ring_bytes + plan.head_bytes;
  const Stream all = DistinctStreamOf(program, costs);
  RingCase any = all.On(costs, memory_bytes);
  any.prefilled_bytes = memory_bytes;
  prediction.lower_bound_seconds =
      AnyScheduleBounds(any, memory_bytes).greatest_seconds();

  double longest = 0;
  for (const double seconds : costs.part_seconds) {
    longest = std::max(longest, seconds);
  }
  const double in_flight = static_cast<double>(
      std::min(kInflightLowBytes, plan.models.front().streamed_bytes));
  prediction.blocking_seconds = longest + in_flight / costs.drive_bytes_per_s;
  return prediction;
}

absl::StatusOr<PlannedPoint> FastestPlan(const ModelDemand& demand,
                                         const MemoryBudgets& budgets,
                                         const Costs& costs) {
  ASSIGN_OR_RETURN(PlannedPoint fastest, PointAt(demand, budgets, costs));
  const MemoryPlan& largest = fastest.plan;
  const uint64_t all = largest.ring_bytes + largest.head_bytes;
  for (const uint64_t bytes :
       BudgetsBetween(largest.minimum_weight_bytes, all)) {
    MemoryBudgets smaller = budgets;
    smaller.weight_bytes = bytes;
    ASSIGN_OR_RETURN(PlannedPoint point, PointAt(demand, smaller, costs));
    if (IsFaster(point, fastest)) fastest = std::move(point);
  }
  fastest.budget_bytes = budgets.weight_bytes;
  return fastest;
}

absl::StatusOr<std::vector<PlannedPoint>> MemoryCurve(const ModelDemand& demand,
                                                      const Costs& costs) {
  ASSIGN_OR_RETURN(const MemoryPlan all, MemoryPlan::Make({demand}, {}));
  std::vector<PlannedPoint> curve;
  for (const uint64_t bytes :
       BudgetsBetween(all.minimum_weight_bytes, all.weight_bytes)) {
    ASSIGN_OR_RETURN(PlannedPoint point,
                     PointAt(demand, {.weight_bytes = bytes}, costs));
    // What was faster with less memory is there with more.
    if (!curve.empty() && !IsFaster(point, curve.back())) {
      const double lower_bound = point.prediction.lower_bound_seconds;
      point.plan = curve.back().plan;
      point.prediction = curve.back().prediction;
      point.prediction.lower_bound_seconds = lower_bound;
    }
    curve.push_back(std::move(point));
  }
  return curve;
}

}  // namespace layerd
