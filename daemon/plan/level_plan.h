#ifndef LAYERD_DAEMON_PLAN_LEVEL_PLAN_H_
#define LAYERD_DAEMON_PLAN_LEVEL_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "daemon/plan/ring_demand.h"

namespace layerd {

// The least weight memory that runs all models of one level: one ring for all
// of them and a head for each.
class LevelPlan {
 public:
  // `models` are in the order of all demands, null where a model belongs to
  // another level; loans.
  static LevelPlan Least(int level, std::vector<const RingDemand*> models);

  int level() const { return level_; }
  uint64_t ring_bytes() const { return ring_bytes_; }
  uint64_t head_bytes() const { return HeadBytes(steps_); }
  uint64_t bytes() const { return ring_bytes_ + head_bytes(); }

 private:
  LevelPlan(int level, std::vector<const RingDemand*> models)
      : level_(level), models_(std::move(models)), steps_(models_.size(), 0) {}

  std::vector<size_t> LeastSteps(uint64_t ring_bytes) const;
  std::vector<size_t> LastSteps() const;
  uint64_t HeadBytes(const std::vector<size_t>& steps) const;

  int level_;
  std::vector<const RingDemand*> models_;
  std::vector<size_t> steps_;
  uint64_t ring_bytes_ = 0;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_LEVEL_PLAN_H_
