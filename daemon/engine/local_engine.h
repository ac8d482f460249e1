#ifndef LAYERD_DAEMON_ENGINE_LOCAL_ENGINE_H_
#define LAYERD_DAEMON_ENGINE_LOCAL_ENGINE_H_

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/engine/data_path.h"
#include "daemon/engine/engine.h"
#include "daemon/engine/known_costs.h"
#include "daemon/engine/traced_names.h"
#include "daemon/plan/cost_profile.h"
#include "daemon/plan/memory_plan.h"
#include "daemon/rt/clock.h"
#include "daemon/rt/named_thread.h"
#include "daemon/sched/declared_rate.h"
#include "daemon/sched/scheduler.h"
#include "kernels/backend.h"
#include "loader/loader.h"

namespace layerd {

// What an engine touches the world with. Engine::Start() picks the real ones;
// tests bring their twins.
struct EngineParts {
  std::unique_ptr<Backend> backend;
  std::string why_not_cuda;       // If "auto" was asked for.
  IoEngineOpener open_io_engine;  // Called at each change of memory.
  std::unique_ptr<Clock> clock;
};

// The engine of this process.
//
// A change of the set of models, of a budget or of what is known of costs waits
// for the job that is on and changes the data path; jobs that wait stay in the
// queue. If the memory is not to be had, the old plan stays.
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
  absl::Status Admit(const Job& job) const override;
  void Drain(Instant deadline) override;
  absl::Status SetBudgets(const MemoryBudgets& budgets) override;
  PlanReport Plan() const override;
  void MeasureCosts(const std::function<bool()>& go_on) override;
  absl::Status MeasureAgain(const std::string& name) override;
  void InterruptMeasuring() override { give_way_->store(true); }
  Scheduler::Stats scheduling() const override;
  std::vector<TracedEvent> Trace() override;
  void NoteSent(const Sent& sent) override;
  Promises::OfModel PromiseOf(const Model* model) const override;
  bool IsMostUrgent(int level) const override {
    return level <= most_urgent_.load();
  }
  MemoryStats memory() const override;
  bool reading() const override;
  Loader::Stats loading() const override;
  std::chrono::nanoseconds loader_cpu_time() const override;
  KernelKey kernel_key() const override { return parts_.backend->key(); }
  std::string why_not_cuda() const override { return parts_.why_not_cuda; }
  std::vector<std::string> warnings() const override;

 private:
  using Models = std::vector<std::shared_ptr<Model>>;

  // What planning knows of a model.
  struct Known {
    Costs costs;
    bool measured = false;  // The costs are; else counted.
    bool is_due = false;    // To be measured, for the first time or again.
    SeenParts seen = {};    // When it was loaded.
  };
  using KnownModels = std::map<const Model*, std::shared_ptr<const Known>>;

  // A model that is loaded and has no memory yet.
  struct Fresh {
    size_t source;  // Which of those that were asked for.
    std::shared_ptr<Model> model;
    std::shared_ptr<const Known> known;
  };

  // Prepared only if what is known before fits beside `wanted`. Under change_.
  absl::StatusOr<std::shared_ptr<Model>> LoadBeside(const Models& wanted,
                                                    const ModelSource& source);
  // Those whose smallest plans fit beside what is there; a status for each of
  // the others, and OK for these. Under change_.
  std::vector<Fresh> LoadThoseThatFit(const std::vector<ModelSource>& sources,
                                      std::vector<absl::Status>* statuses);
  // These, beside or in the place of those that are there. Under change_.
  absl::Status AdoptWith(std::span<const Fresh> fresh);
  std::shared_ptr<const Known> KnownOf(const Model& model) const;
  KnownCosts ProfileOf(const Model& model) const;
  // Goes on from what was seen before.
  void RestorePartTimes(const SeenParts& seen, Model* model) const;
  // Of those that are not among `others`. REQUIRES: nobody runs these.
  void KeepPartTimes(const Models& models, const Models& others) const;
  static std::vector<ModelDemand> DemandsOf(const Models& models,
                                            const KnownModels& known);
  // Gives `models` their memory, and nothing to any other; not if `strict` and
  // one was declared that nothing could be promised to. Under change_.
  absl::Status Adopt(Models models, const MemoryBudgets& budgets, bool strict);
  struct Planned {
    MemoryPlan plan;
    std::shared_ptr<const Promises> promises;
  };
  void Take(Planned planned);
  std::vector<std::string> AllWarnings() const;
  // The planner's own plan, or one with the same memory divided otherwise if
  // only then all declared tasks keep their deadlines. It may take a second.
  absl::StatusOr<Planned> PlanFor(const Models& models,
                                  const KnownModels& known,
                                  const MemoryBudgets& budgets,
                                  bool strict) const;
  absl::StatusOr<std::shared_ptr<const Promises>> PromisesFor(
      const Models& models, const KnownModels& known, const MemoryPlan& plan,
      bool strict) const;
  // Of each, the demand of DemandsOf() that is its own level's.
  static std::vector<size_t> OwnDemands(const Models& models);
  static std::vector<Promises::Subject> SubjectsOf(const Models& models,
                                                   const KnownModels& known,
                                                   const MemoryPlan& plan);
  IoEngineOpener TracedOpener();
  // What was planned, which is all that a request asks: PromiseOf() looks at
  // every model.
  Promises::OfModel PlannedOf(const Model* model) const;
  absl::Status AdmitByForecast(const Job& job,
                               std::chrono::nanoseconds predicted) const;
  // Writes into the job what was planned of it; RESOURCE_EXHAUSTED if it comes
  // too early for its promise, which holds for what was declared alone. When
  // the task's next job has its time; the epoch where nothing is promised.
  absl::StatusOr<Instant> Promise(Job* job);
  // The job was refused all the same.
  void TakeTurnBack(const Model& model, Instant next);
  // On the executor thread: it and its helpers take their CPUs.
  void StartHelpers(std::vector<std::string>* refused);
  absl::Status ChangeDataPath(const MemoryPlan& plan, const Models& models);
  std::shared_ptr<Model> NextDue() const;  // To be measured.
  void GiveUpMeasuring(const Model& model);
  // Under mutex_.
  void SetDue(const Model& model, bool is_due);
  absl::Status Measure(const std::shared_ptr<Model>& model,
                       const std::function<bool()>& go_on);

  const EngineOptions options_;
  const EngineParts parts_;  // Outlives the models: they hold its kernels.

  std::mutex change_;         // Of memory: one change at a time.
  mutable std::mutex mutex_;  // Short: guards the next nine and data_path_.
  Models models_;             // In the order of loading.
  TracedNames traced_names_;
  KnownModels known_;
  MemoryBudgets budgets_;
  MemoryPlan plan_;
  std::shared_ptr<const Promises> promises_ = std::make_shared<Promises>();
  std::map<const Model*, DeclaredRate> rates_;  // Of promises_; names only.
  std::vector<std::string> warnings_;
  std::vector<std::string> realtime_warnings_;  // Once made, constant.
  Loader::Stats past_;                          // Of data paths that are gone.
  // Set by whoever submits a job: who measures gives way.
  const std::shared_ptr<std::atomic<bool>> give_way_ =
      std::make_shared<std::atomic<bool>>(false);

  std::atomic<int> most_urgent_{kLevels};  // Level of plan_.
  std::atomic<uint64_t> too_often_{0};     // Jobs.
  LoaderHurry loader_hurry_;               // Outlives the data path.
  Scheduler scheduler_;
  std::unique_ptr<DataPath> data_path_;     // Null without models.
  std::deque<NamedThread> helper_threads_;  // Of the backend.
  NamedThread executor_thread_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_ENGINE_LOCAL_ENGINE_H_
