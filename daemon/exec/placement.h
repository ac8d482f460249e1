#ifndef LAYERD_DAEMON_EXEC_PLACEMENT_H_
#define LAYERD_DAEMON_EXEC_PLACEMENT_H_

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "daemon/exec/executor.h"
#include "daemon/exec/placed_model.h"
#include "daemon/model/model.h"
#include "daemon/plan/memory_plan.h"
#include "daemon/rt/clock.h"
#include "kernels/backend.h"
#include "loader/loader.h"

namespace layerd {

// A memory plan that has become memory: every loaded model at its place in the
// slab, and an executor for each level. Made as a whole when the set of models
// changes, and replaced as a whole when no job is on.
//
// Ownership: keeps the models; all pointers and the slab outlive it.
// Threading: the executor thread, once made.
class Placement {
 public:
  // REQUIRES: `plan` was made for `models`, in their order; the slab has its
  // slab_bytes.
  Placement(const MemoryPlan& plan,
            const std::vector<std::shared_ptr<Model>>& models,
            std::span<std::byte> slab, Backend* backend, Loader* loader,
            const Clock* clock);

  // Null if the model has no memory: it was unloaded or replaced.
  PlacedModel* Find(const Model* model) const;
  // REQUIRES: a model of that level has a place.
  Executor& executor(int level) const { return *executors_[level - 1]; }
  // In the order of the plan.
  std::span<const std::unique_ptr<PlacedModel>> models() const {
    return models_;
  }

 private:
  std::vector<std::unique_ptr<PlacedModel>> models_;
  std::array<std::unique_ptr<Executor>, kLevels> executors_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_EXEC_PLACEMENT_H_
