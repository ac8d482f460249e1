#ifndef LAYERD_DAEMON_ENGINE_LOCAL_ENGINE_H_
#define LAYERD_DAEMON_ENGINE_LOCAL_ENGINE_H_

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/engine/data_path.h"
#include "daemon/engine/engine.h"
#include "daemon/plan/memory_plan.h"
#include "daemon/rt/clock.h"
#include "daemon/rt/named_thread.h"
#include "daemon/sched/scheduler.h"
#include "kernels/backend.h"
#include "loader/loader.h"

namespace layerd {

// What an engine touches the world with. Engine::Start() picks the real ones;
// tests bring their twins.
struct EngineParts {
  std::unique_ptr<Backend> backend;
  IoEngineOpener open_io_engine;  // Called at each change of memory.
  std::unique_ptr<Clock> clock;
};

// The engine of this process.
//
// A change of the set of models waits for the job that is on, tears the data
// path down and makes a new one; jobs that wait stay in the queue. So memory
// never has two slabs at once. If the new slab is not to be had, the old set
// comes back as it was.
//
// Threading: as Engine. Two threads of its own: "layerd-executor" for the
// engine's life, "layerd-loader" for that of a data path.
class LocalEngine final : public Engine {
 public:
  LocalEngine(const EngineOptions& options, EngineParts parts);
  ~LocalEngine() override;

  std::vector<absl::Status> LoadModels(
      const std::vector<ModelSource>& sources) override;
  absl::Status UnloadModel(const std::string& name,
                           const std::string& version) override;
  std::shared_ptr<Model> Find(const std::string& name,
                              const std::string& version) const override;
  std::vector<std::shared_ptr<Model>> models() const override;
  absl::Status Submit(std::unique_ptr<Job> job) override;
  void Drain(Instant deadline) override;
  MemoryStats memory() const override;
  Loader::Stats loading() const override;
  std::chrono::nanoseconds loader_cpu_time() const override;
  std::vector<std::string> warnings() const override;

 private:
  using Models = std::vector<std::shared_ptr<Model>>;

  absl::StatusOr<std::shared_ptr<Model>> Load(const ModelSource& source);
  absl::StatusOr<MemoryPlan> PlanFor(const Models& models) const;
  // Gives `models` their memory, and nothing to any other.
  absl::Status Adopt(Models models);
  absl::StatusOr<std::unique_ptr<DataPath>> OpenDataPath(const MemoryPlan& plan,
                                                         const Models& models);
  void CloseDataPath();

  const EngineOptions options_;
  const EngineParts parts_;  // Outlives the models: they hold its kernels.

  std::mutex change_;         // Of the set of models: one change at a time.
  mutable std::mutex mutex_;  // Short: guards the next four and data_path_.
  Models models_;             // In the order of loading.
  MemoryPlan plan_;
  std::vector<std::string> warnings_;
  Loader::Stats past_;  // Of data paths that are gone.

  Scheduler scheduler_;
  std::unique_ptr<DataPath> data_path_;  // Null without models.
  NamedThread executor_thread_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_ENGINE_LOCAL_ENGINE_H_
