#ifndef LAYERD_TEST_SIM_PLACED_MODELS_H_
#define LAYERD_TEST_SIM_PLACED_MODELS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "config/check.h"
#include "daemon/exec/placement.h"
#include "daemon/model/model.h"
#include "daemon/plan/memory_plan.h"
#include "kernels/reference/reference_backend.h"
#include "loader/bell.h"
#include "loader/memory/slab.h"
#include "test/sim/loader_fixture.h"
#include "test/sim/sim_io_engine.h"
#include "test/sim/test_engine.h"

namespace layerd {

// Random models with their memory, a loader that reads for them, and no
// scheduler: a test has the executors to itself.
class PlacedModels {
 public:
  // One model for each level, of so many layers. `streams`: they have the least
  // memory that runs them, else all their weights are resident.
  PlacedModels(const std::vector<int>& levels, size_t layers, bool streams)
      : loader_(&drive, LoaderOptions{}) {
    for (size_t m = 0; m < levels.size(); ++m) {
      const std::string name = "placed" + std::to_string(m);
      auto model = Model::Load(
          WriteModel(name + ".layers", static_cast<uint32_t>(m) + 1, layers),
          name, "1", {.level = levels[m]}, backend_.get());
      LAYERD_CHECK(model.ok(), model.status().ToString());
      models_.push_back(*model);
      auto& inputs = inputs_.emplace_back();
      for (const Model::Port& port : models_[m]->inputs()) {
        inputs.push_back(zeros_.emplace_back(port.bytes));
      }
    }
    MemoryPlan plan = PlanFor({});
    if (streams) plan = PlanFor({.weight_bytes = plan.minimum_weight_bytes});
    slab_ = *Slab::Allocate(plan.slab_bytes);
    placement_ = std::make_unique<Placement>(
        plan, models_, slab_->memory(), backend_.get(), loader_.operator->(),
        &clock_, &bell);
  }
  ~PlacedModels() { drive.LetGo(); }

  const std::shared_ptr<Model>& model(size_t m) const { return models_[m]; }
  PlacedModel& placed(size_t m) const {
    return *placement_->Find(models_[m].get(), models_[m]->level());
  }
  Executor& executor(int level) const { return placement_->executor(level); }
  Placement& placement() { return *placement_; }

  // A read is in flight; on a drive that holds, it stays there.
  void AwaitReading() const {
    while (drive.in_flight() == 0) std::this_thread::yield();
  }

  // Zeros.
  const std::vector<std::span<const std::byte>>& Inputs(size_t m) const {
    return inputs_[m];
  }
  // All that is left of the job that is on at that level.
  absl::Status RunParts(int level) const {
    Executor& own = executor(level);
    absl::Status status;
    while (status.ok() && !own.finished()) status = own.RunPart();
    own.End();
    return status;
  }
  absl::Status Run(size_t m) const {
    const int level = models_[m]->level();
    executor(level).Begin(&placed(m), inputs_[m]);
    return RunParts(level);
  }
  // By the loader, so far.
  uint64_t read_bytes() { return loader_->stats().read_bytes; }

  SimIoEngine drive{1};
  Bell bell;

 private:
  MemoryPlan PlanFor(const MemoryBudgets& budgets) const {
    std::vector<ModelDemand> demands;
    for (const std::shared_ptr<Model>& model : models_) {
      demands.push_back({model->name(), model->level(), &model->program(),
                         model->scratch_bytes(), model->decode_bytes()});
    }
    return *MemoryPlan::Make(demands, budgets);
  }

  const std::unique_ptr<Backend> backend_ = MakeReferenceBackend();
  const ManualClock clock_;
  std::vector<std::shared_ptr<Model>> models_;
  std::deque<std::vector<std::byte>> zeros_;
  std::vector<std::vector<std::span<const std::byte>>> inputs_;  // By model.
  std::unique_ptr<Slab> slab_;
  RunningLoader loader_;
  std::unique_ptr<Placement> placement_;
};

}  // namespace layerd

#endif  // LAYERD_TEST_SIM_PLACED_MODELS_H_
