#include "daemon/plan/memory_plan.h"

#include <algorithm>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "config/check.h"
#include "config/status_macros.h"
#include "daemon/plan/level_plan.h"

namespace layerd {
namespace {

constexpr char kMinimumPayload[] = "layerd/minimum_budget_bytes";
constexpr uint64_t kUnbounded = std::numeric_limits<uint64_t>::max();

absl::Status TooSmall(const std::string& message, uint64_t minimum_bytes) {
  absl::Status status = absl::ResourceExhaustedError(message);
  status.SetPayload(kMinimumPayload,
                    absl::Cord(absl::StrFormat("%d", minimum_bytes)));
  return status;
}

std::string Breakdown(const std::vector<LevelPlan>& levels) {
  std::string text;
  for (const LevelPlan& level : levels) {
    absl::StrAppendFormat(&text, "%slevel %d: ring %d, heads %d",
                          text.empty() ? "" : "; ", level.level(),
                          level.ring_bytes(), level.head_bytes());
  }
  return text;
}

// What the budgets leave for weights, if `minimum` fits into both.
absl::StatusOr<uint64_t> WeightRoom(const std::vector<LevelPlan>& levels,
                                    uint64_t minimum, uint64_t arenas,
                                    const MemoryBudgets& budgets) {
  if (budgets.weight_bytes < minimum) {
    return TooSmall(
        absl::StrFormat("the weight budget is %d bytes, but the loaded models "
                        "need at least %d (%s): give at least %d",
                        budgets.weight_bytes, minimum, Breakdown(levels),
                        minimum),
        minimum);
  }
  if (budgets.memory_bytes < arenas + minimum) {
    return TooSmall(
        absl::StrFormat("the memory budget is %d bytes, but the loaded models "
                        "need at least %d (arenas %d, weights %d: %s): give at "
                        "least %d",
                        budgets.memory_bytes, arenas + minimum, arenas, minimum,
                        Breakdown(levels), arenas + minimum),
        arenas + minimum);
  }
  const uint64_t beside_arenas = budgets.memory_bytes == kUnbounded
                                     ? kUnbounded
                                     : budgets.memory_bytes - arenas;
  return std::min(budgets.weight_bytes, beside_arenas);
}

void ShareOut(std::vector<LevelPlan>& levels, uint64_t weight_bytes,
              uint64_t room) {
  if (room >= weight_bytes) {
    for (LevelPlan& level : levels) level.MakeResident();
    return;
  }
  uint64_t left = room;
  for (const LevelPlan& level : levels) left -= level.bytes();
  for (LevelPlan& level : levels) left = level.GrowRing(left);
  // Heads that grow can make a ring smaller, which makes room for heads.
  for (int round = 0; round < 2; ++round) {
    for (LevelPlan& level : levels) left = level.GrowHeads(left);
  }
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

absl::StatusOr<MemoryPlan> MemoryPlan::Make(
    const std::vector<ModelDemand>& demands, const MemoryBudgets& budgets) {
  MemoryPlan plan;
  std::vector<RingDemand> rings;
  for (const ModelDemand& demand : demands) {
    LAYERD_CHECK(1 <= demand.level && demand.level <= kLevels);
    rings.emplace_back(*demand.program);
    ModelMemory& model = plan.models.emplace_back();
    model.name = demand.name;
    model.level = demand.level;
    model.arena = PlanArena(*demand.program, demand.scratch_bytes);
    model.weight_bytes = rings.back().weight_bytes();
    plan.weight_bytes += model.weight_bytes;
  }

  std::vector<LevelPlan> levels;
  for (int level = 1; level <= kLevels; ++level) {
    std::vector<const RingDemand*> models;
    uint64_t arena = 0;
    for (size_t m = 0; m < demands.size(); ++m) {
      models.push_back(demands[m].level == level ? &rings[m] : nullptr);
      if (models.back() == nullptr) continue;
      arena = std::max(arena, plan.models[m].arena.bytes);
    }
    if (std::none_of(models.begin(), models.end(),
                     [](const RingDemand* model) { return model; })) {
      continue;
    }
    levels.push_back(LevelPlan::Least(level, std::move(models)));
    plan.levels.push_back({level, {}, {0, RoundUpToPage(arena)}});
    plan.arena_bytes += RoundUpToPage(arena);
    plan.minimum_weight_bytes += levels.back().bytes();
  }

  ASSIGN_OR_RETURN(
      const uint64_t room,
      WeightRoom(levels, plan.minimum_weight_bytes, plan.arena_bytes, budgets));
  ShareOut(levels, plan.weight_bytes, room);

  Surveyor slab;
  for (size_t g = 0; g < levels.size(); ++g) {
    plan.levels[g].ring = slab.Take(levels[g].ring_bytes());
    plan.ring_bytes += plan.levels[g].ring.bytes;
  }
  for (size_t m = 0; m < demands.size(); ++m) {
    const auto level = std::find_if(
        levels.begin(), levels.end(),
        [&](const LevelPlan& l) { return l.level() == demands[m].level; });
    const RingDemand::Step& step = level->step(m);
    ModelMemory& model = plan.models[m];
    model.head = slab.Take(step.head_bytes);
    model.streamed_bytes = step.streamed_bytes;
    model.resident_offsets.resize(demands[m].program->extents.size());
    uint64_t offset = model.head.offset_bytes;
    for (size_t n = 0; n < step.head_extents; ++n) {
      const uint32_t extent = rings[m].order()[n];
      model.resident_offsets[extent] = offset;
      offset += demands[m].program->extents[extent].stored_bytes;
    }
    plan.head_bytes += model.head.bytes;
  }
  for (LevelMemory& level : plan.levels) {
    level.arena = slab.Take(level.arena.bytes);
  }
  plan.slab_bytes = slab.end();
  return plan;
}

std::string MemoryPlan::ToString() const {
  std::string text;
  for (const LevelMemory& level : levels) {
    absl::StrAppendFormat(&text, "level %d: ring %d, arena %d\n", level.level,
                          level.ring.bytes, level.arena.bytes);
  }
  for (const ModelMemory& model : models) {
    absl::StrAppendFormat(
        &text, "%s: level %d, weights %d, head %d, streamed %d, arena %d\n",
        model.name, model.level, model.weight_bytes, model.head.bytes,
        model.streamed_bytes, model.arena.bytes);
  }
  absl::StrAppendFormat(&text,
                        "all: rings %d, heads %d, arenas %d, sum %d; least "
                        "weight budget %d (bytes)\n",
                        ring_bytes, head_bytes, arena_bytes, slab_bytes,
                        minimum_weight_bytes);
  return text;
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
