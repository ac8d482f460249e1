#include "daemon/plan/memory_plan.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "config/check.h"
#include "config/status_macros.h"
#include "daemon/plan/cost_profile.h"
#include "daemon/plan/latency_table.h"
#include "daemon/plan/level_plan.h"
#include "daemon/plan/machine.h"
#include "daemon/plan/memory_share.h"
#include "daemon/plan/ring_demand.h"
#include "daemon/plan/table_plan.h"

namespace layerd {
namespace {

constexpr char kMinimumPayload[] = "layerd/minimum_budget_bytes";
constexpr uint64_t kUnbounded = std::numeric_limits<uint64_t>::max();
// What one job looks up may have so much of what is left, before rings grow.
constexpr uint64_t kTablesShare = 4;

absl::Status TooSmall(const std::string& message, uint64_t minimum_bytes) {
  return WithMinimumBudget(absl::ResourceExhaustedError(message),
                           minimum_bytes);
}

std::string Breakdown(const std::vector<LevelPlan>& levels,
                      const TablePlan& tables, uint64_t decode_bytes) {
  std::string text =
      decode_bytes == 0 ? "" : absl::StrFormat("decoding %d", decode_bytes);
  for (const LevelPlan& level : levels) {
    absl::StrAppendFormat(&text, "%slevel %d: ring %d, heads %d",
                          text.empty() ? "" : "; ", level.level(),
                          level.ring_bytes(), level.head_bytes());
  }
  if (tables.bytes() > 0) {
    absl::StrAppendFormat(&text, "; tables %d", tables.bytes());
  }
  return text;
}

// Of each demand, 1 in the mean.
std::vector<double> RatesOf(const std::vector<ModelDemand>& demands) {
  double sum = 0, known = 0;
  for (const ModelDemand& demand : demands) {
    sum += demand.requests_per_s;
    known += demand.requests_per_s > 0 ? 1 : 0;
  }
  std::vector<double> rates;
  for (const ModelDemand& demand : demands) {
    rates.push_back(
        demand.requests_per_s > 0 ? demand.requests_per_s * known / sum : 1);
  }
  return rates;
}

// What the budgets leave for rings and heads, if what `base` needs at least
// fits into both.
absl::StatusOr<uint64_t> WeightRoom(const std::vector<LevelPlan>& levels,
                                    const TablePlan& tables,
                                    const MemoryPlan& base,
                                    const MemoryBudgets& budgets) {
  const uint64_t minimum = base.minimum_weight_bytes;
  const uint64_t decode_bytes = base.decode.bytes;
  const uint64_t beside = base.beside_weights_bytes();
  if (budgets.weight_bytes < minimum) {
    return TooSmall(
        absl::StrFormat("the weight budget is %d bytes, but the loaded models "
                        "need at least %d (%s): give at least %d",
                        budgets.weight_bytes, minimum,
                        Breakdown(levels, tables, decode_bytes), minimum),
        minimum);
  }
  if (budgets.memory_bytes < beside + minimum) {
    const std::string kernels =
        base.prepared_bytes == 0
            ? ""
            : absl::StrFormat("kernels %d, ", base.prepared_bytes);
    return TooSmall(
        absl::StrFormat(
            "the memory budget is %d bytes, but the loaded models "
            "need at least %d (arenas %d, %sweights %d: %s): give "
            "at least %d",
            budgets.memory_bytes, beside + minimum, base.arena_bytes, kernels,
            minimum, Breakdown(levels, tables, decode_bytes), beside + minimum),
        beside + minimum);
  }
  const uint64_t rest = budgets.memory_bytes == kUnbounded
                            ? kUnbounded
                            : budgets.memory_bytes - beside;
  const uint64_t room = std::min(budgets.weight_bytes, rest);
  return room == kUnbounded ? kUnbounded : room - decode_bytes;
}

// Of a machine that nobody has measured.
Costs ModestCosts(const Program& program) {
  const Machine machine = Machine::OfClass("", 1);
  return {.part_seconds = CountedPartSeconds(program, machine, 1),
          .drive_bytes_per_s = machine.drive_bytes_per_s,
          .first_read_seconds = machine.first_read_seconds};
}

// Gives out the slab from its start.
class Surveyor {
 public:
  SlabRange Take(uint64_t bytes) {
    const SlabRange range{end_, RoundUpToPage(bytes)};
    end_ += range.bytes;
    return range;
  }
  uint64_t end() const { return end_; }

 private:
  uint64_t end_ = 0;
};

}  // namespace

class MemoryPlanner::Impl {
 public:
  explicit Impl(const std::vector<ModelDemand>& demands);

  absl::Status Check(const MemoryBudgets& budgets) const {
    return Room(budgets).status();
  }
  absl::StatusOr<MemoryPlan> Plan(const MemoryBudgets& budgets);
  absl::StatusOr<MemoryPlan> Divide(const MemoryPlan& plan,
                                    const MemoryDivision& division) const;

 private:
  // A step of each model's demand, a ring for each level.
  struct Choice {
    std::vector<size_t> steps = {};
    std::vector<uint64_t> rings_bytes = {};
  };

  void AddModel(const ModelDemand& demand);
  void AddLevel(int level);
  absl::StatusOr<uint64_t> Room(const MemoryBudgets& budgets) const {
    return WeightRoom(least_, least_caches_, base_, budgets);
  }
  uint64_t BytesOf(const Choice& choice) const;
  Choice AllResident() const;
  Choice Share(uint64_t room);
  void MakeShare();
  MemoryPlan Lay(const Choice& choice,
                 const std::vector<uint64_t>& caches_bytes) const;
  uint64_t UsefulRing(size_t level, const Choice& choice) const;

  const std::vector<ModelDemand> demands_;
  std::vector<std::unique_ptr<RingDemand>> rings_;
  std::vector<LevelPlan> least_;
  TablePlan least_caches_;
  std::vector<std::vector<size_t>> models_of_level_;
  MemoryPlan base_;  // What no budget changes.
  std::vector<std::unique_ptr<LatencyTable>> tables_;
  std::optional<MemoryShare> share_;  // Made when it is first needed.
};

MemoryPlanner::Impl::Impl(const std::vector<ModelDemand>& demands)
    : demands_(demands) {
  for (const ModelDemand& demand : demands_) AddModel(demand);
  base_.minimum_weight_bytes = base_.decode.bytes + least_caches_.bytes();
  for (int level = 1; level <= kLevels; ++level) AddLevel(level);
}

void MemoryPlanner::Impl::AddModel(const ModelDemand& demand) {
  LAYERD_CHECK(1 <= demand.level && demand.level <= kLevels);
  rings_.push_back(std::make_unique<RingDemand>(*demand.program));
  MemoryPlan::ModelMemory& model = base_.models.emplace_back();
  model.name = demand.name;
  model.level = demand.level;
  model.arena = PlanArena(*demand.program, demand.scratch_bytes);
  model.weight_bytes = rings_.back()->weight_bytes();
  const std::vector<TableDemand> tables = TableDemands(*demand.program);
  for (const TableDemand& table : tables) {
    model.weight_bytes += table.all_bytes;
    model.tables.push_back({table.extent, {}});
  }
  least_caches_.Add(tables);
  base_.weight_bytes += model.weight_bytes;
  base_.prepared_bytes += demand.prepared_bytes;
  base_.decode.bytes =
      std::max(base_.decode.bytes, RoundUpToPage(demand.decode_bytes));
}

// If any model has it.
void MemoryPlanner::Impl::AddLevel(int level) {
  std::vector<size_t> members;
  std::vector<const RingDemand*> rings(demands_.size(), nullptr);
  uint64_t arena = 0;
  for (size_t m = 0; m < demands_.size(); ++m) {
    if (demands_[m].level != level) continue;
    members.push_back(m);
    rings[m] = rings_[m].get();
    arena = std::max(arena, base_.models[m].arena.bytes);
  }
  if (members.empty()) return;
  models_of_level_.push_back(std::move(members));
  least_.push_back(LevelPlan::Least(level, std::move(rings)));
  base_.levels.push_back({level, {}, {0, RoundUpToPage(arena)}});
  base_.arena_bytes += RoundUpToPage(arena);
  base_.minimum_weight_bytes += least_.back().bytes();
}

absl::StatusOr<MemoryPlan> MemoryPlanner::Impl::Plan(
    const MemoryBudgets& budgets) {
  ASSIGN_OR_RETURN(const uint64_t room, Room(budgets));
  TablePlan caches = least_caches_;
  if (room >= base_.weight_bytes) {
    caches.MakeResident();
    return Lay(AllResident(), caches.caches_bytes());
  }
  const uint64_t least = base_.minimum_weight_bytes - base_.decode.bytes;
  caches.GrowToUseful((room - least) / kTablesShare);
  const Choice choice = Share(room - caches.bytes());
  caches.GrowToAll(room - caches.bytes() - BytesOf(choice));
  return Lay(choice, caches.caches_bytes());
}

absl::StatusOr<MemoryPlan> MemoryPlanner::Impl::Divide(
    const MemoryPlan& plan, const MemoryDivision& division) const {
  Choice choice;
  std::vector<uint64_t> caches_bytes;
  for (size_t m = 0; m < demands_.size(); ++m) {
    const MemoryPlan::ModelMemory& model = plan.models[m];
    choice.steps.push_back(rings_[m]->GreatestStep(
        division.head_bytes[m].value_or(model.head.bytes)));
    for (const auto& table : model.tables) {
      caches_bytes.push_back(table.cache.bytes);
    }
  }
  for (size_t g = 0; g < plan.levels.size(); ++g) {
    const MemoryPlan::LevelMemory& level = plan.levels[g];
    const uint64_t ring_bytes =
        division.ring_bytes[level.level - 1].value_or(level.ring.bytes);
    choice.rings_bytes.push_back(ring_bytes);
    for (const size_t m : models_of_level_[g]) {
      const uint64_t least = rings_[m]->steps()[choice.steps[m]].ring_bytes_min;
      if (ring_bytes >= least) continue;
      return absl::FailedPreconditionError(
          absl::StrFormat("%s needs a ring of %d bytes, not %d",
                          demands_[m].name, least, ring_bytes));
    }
  }
  return Lay(choice, caches_bytes);
}

uint64_t MemoryPlanner::Impl::BytesOf(const Choice& choice) const {
  uint64_t bytes = 0;
  for (const uint64_t ring_bytes : choice.rings_bytes) bytes += ring_bytes;
  for (size_t m = 0; m < demands_.size(); ++m) {
    bytes += rings_[m]->steps()[choice.steps[m]].head_bytes;
  }
  return bytes;
}

MemoryPlanner::Impl::Choice MemoryPlanner::Impl::AllResident() const {
  Choice choice{.rings_bytes = std::vector<uint64_t>(least_.size(), 0)};
  for (const auto& ring : rings_) {
    choice.steps.push_back(ring->steps().size() - 1);
  }
  return choice;
}

MemoryPlanner::Impl::Choice MemoryPlanner::Impl::Share(uint64_t room) {
  if (!share_) MakeShare();
  const std::vector<MemoryShare::Choice> best = share_->Best(room);
  Choice choice{.steps = std::vector<size_t>(demands_.size(), 0)};
  for (size_t g = 0; g < best.size(); ++g) {
    choice.rings_bytes.push_back(best[g].ring_bytes);
    for (size_t i = 0; i < best[g].steps.size(); ++i) {
      choice.steps[models_of_level_[g][i]] = best[g].steps[i];
    }
  }
  for (size_t g = 0; g < best.size(); ++g) {
    choice.rings_bytes[g] =
        std::min(choice.rings_bytes[g], UsefulRing(g, choice));
  }
  return choice;
}

void MemoryPlanner::Impl::MakeShare() {
  for (size_t m = 0; m < demands_.size(); ++m) {
    const ModelDemand& demand = demands_[m];
    tables_.push_back(std::make_unique<LatencyTable>(
        *demand.program, *rings_[m],
        demand.costs != nullptr ? *demand.costs
                                : ModestCosts(*demand.program)));
  }
  const std::vector<double> rates = RatesOf(demands_);
  std::vector<MemoryShare::Level> levels;
  for (size_t g = 0; g < least_.size(); ++g) {
    MemoryShare::Level& level = levels.emplace_back();
    level.least_ring_bytes = least_[g].ring_bytes();
    for (const size_t m : models_of_level_[g]) {
      level.models.push_back({tables_[m].get(), rates[m]});
    }
  }
  share_.emplace(std::move(levels));
}

// More than all that streams at a time is of no use.
uint64_t MemoryPlanner::Impl::UsefulRing(size_t level,
                                         const Choice& choice) const {
  uint64_t useful = 0;
  for (const size_t m : models_of_level_[level]) {
    const RingDemand::Step& step = rings_[m]->steps()[choice.steps[m]];
    useful = std::max({useful, step.ring_bytes_min, step.streamed_bytes});
  }
  return useful;
}

MemoryPlan MemoryPlanner::Impl::Lay(
    const Choice& choice, const std::vector<uint64_t>& caches_bytes) const {
  MemoryPlan plan = base_;
  Surveyor slab;
  size_t next_cache = 0;
  for (size_t g = 0; g < plan.levels.size(); ++g) {
    plan.levels[g].ring = slab.Take(choice.rings_bytes[g]);
    plan.ring_bytes += plan.levels[g].ring.bytes;
  }
  for (size_t m = 0; m < demands_.size(); ++m) {
    const RingDemand::Step& step = rings_[m]->steps()[choice.steps[m]];
    MemoryPlan::ModelMemory& model = plan.models[m];
    model.head = slab.Take(step.head_bytes);
    model.streamed_bytes = step.streamed_bytes;
    model.resident_offsets.resize(demands_[m].program->extents.size());
    uint64_t offset = model.head.offset_bytes;
    for (size_t n = 0; n < step.head_extents; ++n) {
      const uint32_t extent = rings_[m]->order()[n];
      model.resident_offsets[extent] = offset;
      offset += demands_[m].program->extents[extent].stored_bytes;
    }
    plan.head_bytes += model.head.bytes;
    for (MemoryPlan::ModelMemory::TableMemory& table : model.tables) {
      table.cache = slab.Take(caches_bytes[next_cache++]);
      plan.table_bytes += table.cache.bytes;
    }
  }
  plan.decode = slab.Take(plan.decode.bytes);
  for (MemoryPlan::LevelMemory& level : plan.levels) {
    level.arena = slab.Take(level.arena.bytes);
  }
  plan.slab_bytes = slab.end();
  return plan;
}

MemoryPlanner::MemoryPlanner(const std::vector<ModelDemand>& demands)
    : impl_(std::make_unique<Impl>(demands)) {}
MemoryPlanner::~MemoryPlanner() = default;

absl::Status MemoryPlanner::Check(const MemoryBudgets& budgets) const {
  return impl_->Check(budgets);
}

absl::StatusOr<MemoryPlan> MemoryPlanner::Plan(const MemoryBudgets& budgets) {
  return impl_->Plan(budgets);
}

absl::StatusOr<MemoryPlan> MemoryPlanner::Divide(
    const MemoryPlan& plan, const MemoryDivision& division) const {
  return impl_->Divide(plan, division);
}

absl::StatusOr<MemoryPlan> MemoryPlan::Make(
    const std::vector<ModelDemand>& demands, const MemoryBudgets& budgets) {
  return MemoryPlanner(demands).Plan(budgets);
}

std::string MemoryPlan::ToString() const {
  std::string text;
  for (const LevelMemory& level : levels) {
    absl::StrAppendFormat(&text, "level %d: ring %d, arena %d\n", level.level,
                          level.ring.bytes, level.arena.bytes);
  }
  for (const ModelMemory& model : models) {
    absl::StrAppendFormat(
        &text, "%s: level %d, weights %d, head %d, streamed %d, arena %d",
        model.name, model.level, model.weight_bytes, model.head.bytes,
        model.streamed_bytes, model.arena.bytes);
    for (const ModelMemory::TableMemory& table : model.tables) {
      absl::StrAppendFormat(&text, ", table %d", table.cache.bytes);
    }
    text += "\n";
  }
  absl::StrAppendFormat(&text,
                        "all: rings %d, heads %d, tables %d, decoding %d, "
                        "arenas %d, sum %d; least weight budget %d (bytes)\n",
                        ring_bytes, head_bytes, table_bytes, decode.bytes,
                        arena_bytes, slab_bytes, minimum_weight_bytes);
  if (prepared_bytes > 0) {
    absl::StrAppendFormat(&text, "kernels keep %d bytes beside it\n",
                          prepared_bytes);
  }
  return text;
}

absl::Status WithMinimumBudget(absl::Status status, uint64_t minimum_bytes) {
  status.SetPayload(kMinimumPayload,
                    absl::Cord(absl::StrFormat("%d", minimum_bytes)));
  return status;
}

std::optional<uint64_t> MinimumBudgetBytes(const absl::Status& status) {
  const auto payload = status.GetPayload(kMinimumPayload);
  uint64_t bytes = 0;
  if (!payload || !absl::SimpleAtoi(std::string(*payload), &bytes)) {
    return std::nullopt;
  }
  return bytes;
}

}  // namespace layerd
