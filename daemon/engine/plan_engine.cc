// LocalEngine: what memory the models get, and what is promised of them so.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/status_macros.h"
#include "daemon/engine/local_engine.h"
#include "daemon/engine/promises.h"
#include "daemon/plan/deadline_split.h"
#include "daemon/plan/memory_plan.h"
#include "daemon/rt/log.h"

namespace layerd {

// As DemandsOf() has them: a model once for each level.
std::vector<size_t> LocalEngine::OwnDemands(const Models& models) {
  std::vector<size_t> own;
  size_t demand = 0;
  for (const std::shared_ptr<Model>& model : models) {
    own.push_back(demand);
    const ModelUrgency& urgency = model->urgency();
    demand += urgency.lowest() - urgency.level + 1;
  }
  return own;
}

std::vector<Promises::Subject> LocalEngine::SubjectsOf(const Models& models,
                                                       const KnownModels& known,
                                                       const MemoryPlan& plan) {
  const std::vector<size_t> own = OwnDemands(models);
  std::vector<Promises::Subject> subjects;
  for (size_t i = 0; i < models.size(); ++i) {
    const Model* const model = models[i].get();
    const Known& of = *known.at(model);
    subjects.push_back(
        {.model = model,
         .costs = &of.costs,
         .memory = &plan.models[own[i]],
         .measured = of.measured,
         .seen_part_seconds = model->part_times().nearly_all_seconds()});
  }
  return subjects;
}

absl::StatusOr<std::shared_ptr<const Promises>> LocalEngine::PromisesFor(
    const Models& models, const KnownModels& known, const MemoryPlan& plan,
    bool strict) const {
  return Promises::Make(SubjectsOf(models, known, plan), plan,
                        options_.level_order == LevelOrder::kEdf, strict,
                        options_.cache_path.empty()
                            ? ""
                            : options_.cache_path + "/certificate.json");
}

absl::StatusOr<LocalEngine::Planned> LocalEngine::PlanFor(
    const Models& models, const KnownModels& known,
    const MemoryBudgets& budgets, bool strict) const {
  const std::vector<ModelDemand> demands = DemandsOf(models, known);
  MemoryPlanner planner(demands);
  ASSIGN_OR_RETURN(MemoryPlan plan, planner.Plan(budgets));
  auto promises = PromisesFor(models, known, plan, strict);
  const auto all_hold = [](const auto& made) {
    return made.ok() && (*made)->warnings().empty();
  };
  if (all_hold(promises)) return Planned{std::move(plan), *promises};

  const std::optional<DeadlineSplit> split =
      Promises::SplitFor(SubjectsOf(models, known, plan), plan,
                         options_.level_order == LevelOrder::kEdf);
  if (split) {
    MemoryDivision division;
    division.head_bytes.resize(demands.size());
    const std::vector<size_t> own = OwnDemands(models);
    for (size_t i = 0; i < models.size(); ++i) {
      const int level = models[i]->urgency().level;
      const uint64_t ring_bytes = split->ring_bytes[level - 1];
      if (ring_bytes == 0) continue;
      division.ring_bytes[level - 1] = ring_bytes;
      division.head_bytes[own[i]] = split->head_bytes[i];
    }
    auto divided = planner.Divide(plan, division);
    if (divided.ok()) {
      auto better = PromisesFor(models, known, *divided, strict);
      if (all_hold(better)) {
        LogInfo(
            "memory is divided so that the declared tasks keep their "
            "deadlines: else another division would be a little quicker");
        return Planned{*std::move(divided), *better};
      }
    }
  }
  RETURN_IF_ERROR(promises.status());
  return Planned{std::move(plan), *promises};
}

}  // namespace layerd
