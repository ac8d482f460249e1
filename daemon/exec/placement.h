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
#include "loader/bell.h"
#include "loader/loader.h"

namespace layerd {

// A memory plan that has become memory: every loaded model at its place in the
// slab, and an executor for each level. Made as a whole when the set of models
// changes, and replaced as a whole when no job is on.
//
// A model that may also run at lower levels (ModelUrgency) has a place at each
// of them, with a head of its own.
//
// Ownership: keeps the models; all pointers and the slab outlive it.
// Threading: the executor thread, once made.
class Placement {
 public:
  // `bell` rings when what an executor waits for has arrived; may be null.
  // REQUIRES: `plan` was made for `models`, in their order, a model once for
  // each of its levels; the slab has its slab_bytes.
  Placement(const MemoryPlan& plan,
            const std::vector<std::shared_ptr<Model>>& models,
            std::span<std::byte> slab, Backend* backend, Loader* loader,
            const Clock* clock, Bell* bell);

  // Null if the model has no memory at that level: it was unloaded or replaced.
  PlacedModel* Find(const Model* model, int level) const;
  // What was loaded under the same name and version, and takes and gives the
  // same; null if there is none.
  PlacedModel* FindInPlaceOf(const Model& gone, int level) const;
  // A model has a place at that level.
  bool HasLevel(int level) const { return executors_[level - 1] != nullptr; }
  // REQUIRES: HasLevel(level).
  Executor& executor(int level) const { return *executors_[level - 1]; }
  // Gives up all reading ahead.
  void ExpectNothing();

  struct Placed {
    int level;
    std::unique_ptr<PlacedModel> model;
  };
  // Level by level, the most urgent first.
  std::span<const Placed> models() const { return models_; }

 private:
  std::vector<Placed> models_;
  std::array<std::unique_ptr<Executor>, kLevels> executors_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_EXEC_PLACEMENT_H_
