#include "daemon/plan/level_plan.h"

#include <algorithm>
#include <utility>

namespace layerd {
LevelPlan LevelPlan::Least(int level, std::vector<const RingDemand*> models) {
  LevelPlan plan(level, std::move(models));
  plan.steps_ = plan.LastSteps();
  for (const RingDemand* model : plan.models_) {
    if (model == nullptr) continue;
    for (const RingDemand::Step& candidate : model->steps()) {
      const uint64_t ring = candidate.ring_bytes_min;
      std::vector<size_t> steps = plan.LeastSteps(ring);
      const uint64_t bytes = ring + plan.HeadBytes(steps);
      // Of two rings that cost the same, the larger: it serves every layer.
      if (bytes < plan.bytes() ||
          (bytes == plan.bytes() && ring > plan.ring_bytes_ &&
           plan.ring_bytes_ > 0)) {
        plan.ring_bytes_ = ring;
        plan.steps_ = std::move(steps);
      }
    }
  }
  return plan;
}

std::vector<size_t> LevelPlan::LeastSteps(uint64_t ring_bytes) const {
  std::vector<size_t> steps(models_.size(), 0);
  for (size_t m = 0; m < models_.size(); ++m) {
    if (models_[m] != nullptr) steps[m] = models_[m]->LeastStep(ring_bytes);
  }
  return steps;
}

std::vector<size_t> LevelPlan::LastSteps() const {
  std::vector<size_t> steps(models_.size(), 0);
  for (size_t m = 0; m < models_.size(); ++m) {
    if (models_[m] != nullptr) steps[m] = models_[m]->steps().size() - 1;
  }
  return steps;
}

uint64_t LevelPlan::HeadBytes(const std::vector<size_t>& steps) const {
  uint64_t bytes = 0;
  for (size_t m = 0; m < models_.size(); ++m) {
    if (models_[m] != nullptr)
      bytes += models_[m]->steps()[steps[m]].head_bytes;
  }
  return bytes;
}

}  // namespace layerd
