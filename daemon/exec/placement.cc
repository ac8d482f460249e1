#include "daemon/exec/placement.h"

#include <algorithm>

#include "config/check.h"

namespace layerd {

Placement::Placement(const MemoryPlan& plan,
                     const std::vector<std::shared_ptr<Model>>& models,
                     std::span<std::byte> slab, Backend* backend,
                     Loader* loader, const Clock* clock, Bell* bell) {
  LAYERD_CHECK(plan.models.size() == models.size());
  LAYERD_CHECK(plan.slab_bytes <= slab.size());
  auto piece = [&](const SlabRange& range) {
    return slab.subspan(range.offset_bytes, range.bytes);
  };
  for (const MemoryPlan::LevelMemory& level : plan.levels) {
    size_t reads_max = 0, row_tiles_max = 0;
    for (size_t m = 0; m < models.size(); ++m) {
      if (plan.models[m].level != level.level) continue;
      reads_max = std::max(reads_max, models[m]->program().reads.size());
      models_.push_back(
          {level.level, std::make_unique<PlacedModel>(models[m], plan.models[m],
                                                      slab, piece(level.arena),
                                                      piece(plan.decode))});
      row_tiles_max =
          std::max(row_tiles_max, models_.back().model->row_tiles_max());
    }
    executors_[level.level - 1] = std::make_unique<Executor>(
        Executor::Options{.level = level.level,
                          .low = level.level > plan.levels.front().level,
                          .expected_is_low = plan.models.size() > 1,
                          .reads_max = reads_max,
                          .row_tiles_max = row_tiles_max,
                          .ring = piece(level.ring)},
        backend, loader, clock, bell);
  }
}

void Placement::ExpectNothing() {
  for (const auto& executor : executors_) {
    if (executor != nullptr) executor->ExpectNothing();
  }
}

PlacedModel* Placement::Find(const Model* model, int level) const {
  for (const Placed& placed : models_) {
    if (placed.level == level && &placed.model->model() == model) {
      return placed.model.get();
    }
  }
  return nullptr;
}

PlacedModel* Placement::FindInPlaceOf(const Model& gone, int level) const {
  for (const Placed& placed : models_) {
    const Model& model = placed.model->model();
    if (placed.level == level && model.name() == gone.name() &&
        model.version() == gone.version() && model.inputs() == gone.inputs() &&
        model.outputs() == gone.outputs()) {
      return placed.model.get();
    }
  }
  return nullptr;
}

}  // namespace layerd
