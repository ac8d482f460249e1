#ifndef LAYERD_DAEMON_PLAN_LEVEL_PLAN_H_
#define LAYERD_DAEMON_PLAN_LEVEL_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "daemon/plan/ring_demand.h"

namespace layerd {

// The weight memory of one level while it is being planned: one ring for all
// of its models and a head for each. Begins as small as it can be and grows
// with what is left of the budget.
class LevelPlan {
 public:
  // The least ring and heads together. `models` are in the order of all
  // demands, null where a model belongs to another level; loans.
  static LevelPlan Least(int level, std::vector<const RingDemand*> models);

  int level() const { return level_; }
  uint64_t ring_bytes() const { return ring_bytes_; }
  uint64_t head_bytes() const { return HeadBytes(steps_); }
  uint64_t bytes() const { return ring_bytes_ + head_bytes(); }
  // REQUIRES: the model at `index` is of this level.
  const RingDemand::Step& step(size_t index) const;

  // For when everything fits.
  void MakeResident();
  // Spends at most `left` more bytes; returns what it left. The ring grows up
  // to the size that keeps the drive busy, or makes place for residency where
  // that costs no more.
  uint64_t GrowRing(uint64_t left);
  // Heads grow, model by model. A ring that no longer has anything to do, or
  // less than its size, gives bytes back.
  uint64_t GrowHeads(uint64_t left);

 private:
  LevelPlan(int level, std::vector<const RingDemand*> models)
      : level_(level), models_(std::move(models)), steps_(models_.size(), 0) {}

  std::vector<size_t> LeastSteps(uint64_t ring_bytes) const;
  std::vector<size_t> LastSteps() const;
  uint64_t HeadBytes(const std::vector<size_t>& steps) const;
  uint64_t UsefulRingBytes() const;
  uint64_t NeededRingBytes() const;
  // Takes `ring_bytes` and `steps` if they cost at most `left` more.
  bool TryTake(uint64_t ring_bytes, std::vector<size_t> steps, uint64_t* left);

  int level_;
  std::vector<const RingDemand*> models_;
  std::vector<size_t> steps_;
  uint64_t ring_bytes_ = 0;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_LEVEL_PLAN_H_
