#include "daemon/plan/level_plan.h"

#include <algorithm>
#include <utility>

#include "config/check.h"

namespace layerd {
namespace {

// Four reads of 1 MiB keep an NVMe drive busy; four extents beside them keep
// the seam of the ring from costing much.
constexpr uint64_t kBusyDriveBytes = 4 << 20;
constexpr uint64_t kComfortableExtents = 4;

}  // namespace

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

const RingDemand::Step& LevelPlan::step(size_t index) const {
  LAYERD_CHECK(models_[index] != nullptr);
  return models_[index]->steps()[steps_[index]];
}

void LevelPlan::MakeResident() {
  ring_bytes_ = 0;
  steps_ = LastSteps();
}

uint64_t LevelPlan::GrowRing(uint64_t left) {
  const uint64_t useful = UsefulRingBytes();
  if (useful <= ring_bytes_) return left;
  std::vector<size_t> steps = LeastSteps(useful);
  const std::vector<size_t> last = LastSteps();
  if (HeadBytes(last) <= useful + HeadBytes(steps) && TryTake(0, last, &left)) {
    return left;
  }
  if (TryTake(useful, std::move(steps), &left)) return left;
  ring_bytes_ += left / kPageBytes * kPageBytes;
  return left % kPageBytes;
}

uint64_t LevelPlan::GrowHeads(uint64_t left) {
  if (TryTake(0, LastSteps(), &left)) return left;
  for (size_t m = 0; m < models_.size(); ++m) {
    if (models_[m] == nullptr) continue;
    const uint64_t head = step(m).head_bytes;
    steps_[m] = models_[m]->GreatestStep(head + left);
    left -= step(m).head_bytes - head;
  }
  const uint64_t needed = std::min(ring_bytes_, NeededRingBytes());
  left += ring_bytes_ - needed;
  ring_bytes_ = needed;
  return left;
}

bool LevelPlan::TryTake(uint64_t ring_bytes, std::vector<size_t> steps,
                        uint64_t* left) {
  const uint64_t wanted = ring_bytes + HeadBytes(steps);
  if (wanted > bytes() && wanted - bytes() > *left) return false;
  *left += bytes();
  *left -= wanted;
  ring_bytes_ = ring_bytes;
  steps_ = std::move(steps);
  return true;
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

uint64_t LevelPlan::UsefulRingBytes() const {
  uint64_t useful = 0;
  for (const RingDemand* model : models_) {
    if (model == nullptr) continue;
    const RingDemand::Step& all = model->steps().front();
    const uint64_t busy =
        kBusyDriveBytes + kComfortableExtents * all.largest_bytes;
    useful = std::max(
        {useful, all.ring_bytes_min, std::min(busy, all.streamed_bytes)});
  }
  return useful;
}

uint64_t LevelPlan::NeededRingBytes() const {
  uint64_t needed = 0;
  for (size_t m = 0; m < models_.size(); ++m) {
    if (models_[m] == nullptr) continue;
    needed = std::max({needed, step(m).ring_bytes_min, step(m).streamed_bytes});
  }
  return needed;
}

}  // namespace layerd
