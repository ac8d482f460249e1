#ifndef LAYERD_DAEMON_PLAN_MEMORY_PLAN_H_
#define LAYERD_DAEMON_PLAN_MEMORY_PLAN_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/plan/arena_plan.h"
#include "daemon/plan/costs.h"
#include "daemon/plan/program.h"

namespace layerd {

inline constexpr int kLevels = 4;  // 1 is the most urgent.

// What one loaded model asks of the planner. A loan for as long as one plans.
struct ModelDemand {
  std::string name;  // For messages: "resnet50/1".
  int level = 3;
  const Program* program = nullptr;
  uint64_t scratch_bytes = 0;  // Of its greediest part.
  uint64_t decode_bytes = 0;   // The same, for decoded weights.
  // That its kernels keep outside of the slab, beyond what the base has of them
  // (base_memory.h). Of a model's levels the first has it: they share kernels.
  uint64_t prepared_bytes = 0;
  // Null: counted work on a modest machine, one thread.
  const Costs* costs = nullptr;
  // That come to it, where that was declared. 0: not known, and counts as the
  // mean of those that are. What is asked more often gets memory first.
  double requests_per_s = 0;
  // What nearly all of its parts kept to while it was served; 0: not known.
  // Changes no plan, but what is said of it.
  double seen_part_seconds = 0;
};

// Weight budget: rings, heads, table caches and decode scratch. Memory budget:
// all of that, arenas, scratch, and what kernels keep beyond the base. The
// default is no bound.
struct MemoryBudgets {
  uint64_t weight_bytes = std::numeric_limits<uint64_t>::max();
  uint64_t memory_bytes = std::numeric_limits<uint64_t>::max();
};

// A piece of the slab.
struct SlabRange {
  uint64_t offset_bytes = 0;
  uint64_t bytes = 0;
};

// What every byte of the slab is for: one ring and one arena for each level
// that has a model, one resident head for each model, one cache for each table,
// and one decode scratch for all, because parts compute one after another.
//
// The rule: if everything fits, everything is resident. If not, each level gets
// the smallest ring and heads that run all its models, and what is left goes
// where it helps most by the costs of the models (memory_share.h). Of a table
// that is resident every tile has a place, which it takes when it is first
// looked up; of the others one row's tiles, and as many as one job looks up
// where that is little beside what is left.
//
// A plan chooses memory, never arithmetic: every plan of a program gives the
// same bits.
//
// Units: bytes; ranges are multiples of 4 KiB.
// Threading: immutable once made.
struct MemoryPlan {
  struct ModelMemory {
    std::string name;
    int level = 3;
    ArenaPlan arena;  // Inside the arena of its level.
    SlabRange head;
    struct TableMemory {
      uint32_t extent = 0;
      SlabRange cache;  // Whole tiles.
    };
    std::vector<TableMemory> tables;  // In the order of extents.
    uint64_t weight_bytes = 0;    // Of all extents: those it reads, and tables.
    uint64_t streamed_bytes = 0;  // Through the ring, by each job.
    // Where in the slab an extent stays; nothing if it goes through the ring.
    std::vector<std::optional<uint64_t>> resident_offsets;
  };
  struct LevelMemory {
    int level = 3;
    SlabRange ring;   // Empty if all models of the level are resident.
    SlabRange arena;  // Of the greediest model, scratch included.
  };

  std::vector<ModelMemory> models;  // In the order of the demands.
  std::vector<LevelMemory> levels;  // The most urgent first.
  SlabRange decode;  // Where the weights of narrow parts are decoded.
  uint64_t ring_bytes = 0, head_bytes = 0, table_bytes = 0, arena_bytes = 0;
  uint64_t slab_bytes = 0;      // The sum of the four and decode.bytes.
  uint64_t prepared_bytes = 0;  // Of all models, outside of the slab.
  uint64_t weight_bytes = 0;    // Of all models.
  // Below this weight budget there is no plan.
  uint64_t minimum_weight_bytes = 0;

  // What counts against the weight budget.
  uint64_t weight_memory_bytes() const {
    return ring_bytes + head_bytes + table_bytes + decode.bytes;
  }
  // What of the memory budget is not for weights.
  uint64_t beside_weights_bytes() const { return arena_bytes + prepared_bytes; }

  // As MemoryPlanner::Plan(), for one budget.
  static absl::StatusOr<MemoryPlan> Make(
      const std::vector<ModelDemand>& demands, const MemoryBudgets& budgets);

  // A few lines for people: levels, models, sums.
  std::string ToString() const;
};

// Rings and heads that shall be others than a plan has.
struct MemoryDivision {
  std::array<std::optional<uint64_t>, kLevels> ring_bytes = {};  // By level.
  // Of each demand, at most.
  std::vector<std::optional<uint64_t>> head_bytes = {};
};

// Plans all models of a configuration together, for one budget or for many:
// what was worked out for one serves the next.
//
// Ownership: programs and costs of the demands outlive the planner.
// Threading: one thread.
class MemoryPlanner {
 public:
  explicit MemoryPlanner(const std::vector<ModelDemand>& demands);
  ~MemoryPlanner();

  // RESOURCE_EXHAUSTED if the smallest plan does not fit: the message has the
  // numbers and the smallest budget that would do, as has
  // MinimumBudgetBytes(). Costs nothing, where Plan() may take a second.
  absl::Status Check(const MemoryBudgets& budgets) const;
  absl::StatusOr<MemoryPlan> Plan(const MemoryBudgets& budgets);
  // `plan`, which Plan() made, with that memory divided otherwise.
  // FAILED_PRECONDITION if a model does not run in such a ring.
  absl::StatusOr<MemoryPlan> Divide(const MemoryPlan& plan,
                                    const MemoryDivision& division) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// `status`, which then says so to MinimumBudgetBytes().
absl::Status WithMinimumBudget(absl::Status status, uint64_t minimum_bytes);

// The smallest budget that would do, if `status` is a refusal of
// a MemoryPlanner, of the budget that was too small.
std::optional<uint64_t> MinimumBudgetBytes(const absl::Status& status);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_MEMORY_PLAN_H_
