#ifndef LAYERD_DAEMON_ENGINE_ENGINE_H_
#define LAYERD_DAEMON_ENGINE_ENGINE_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/engine/promises.h"
#include "daemon/model/model.h"
#include "daemon/plan/cost_model.h"
#include "daemon/plan/costs.h"
#include "daemon/plan/machine.h"
#include "daemon/plan/memory_plan.h"
#include "daemon/rt/realtime.h"
#include "daemon/sched/job.h"
#include "daemon/sched/job_queue.h"
#include "daemon/sched/scheduler.h"
#include "loader/loader.h"

namespace layerd {

inline constexpr uint64_t kAll = ~uint64_t{0};  // "all" of a budget option.

struct EngineOptions {
  uint64_t weight_budget_bytes = kAll;  // Rings, heads, table caches.
  uint64_t memory_budget_bytes = kAll;  // All of that, arenas and scratch.
  int threads = 1;                      // Of compute.
  // "auto" is "cuda" if all that needs is here, else "cpu".
  std::string backend = "cpu";  // "auto", "cpu", "cuda", "reference".
  // How weights come to a GPU: "probe", "staged", "mapped", "managed".
  std::string cuda_memory = "probe";
  std::string io_engine = "auto";  // "auto", "io_uring", "pread".
  size_t queue_jobs_max = 64;      // That wait, at each level.
  LevelOrder level_order = LevelOrder::kFifo;
  // Declared tasks that may be late are not loaded; else there is a warning.
  bool strict_admission = true;
  Realtime realtime = Realtime::kOff;
  // Idle, rings and heads are filled for the job expected next.
  bool read_ahead = true;
  // Where cost profiles are; empty: memory is planned by counted work.
  std::string cache_path = {};
  bool measure_costs = true;  // Where they are unknown, if asked to.
  // How long parts take while they are served is kept beside their costs, and
  // gone on with when they are loaded again.
  bool keep_part_times = false;
  // To plan for another machine than the modest one of this processor's class.
  std::optional<Machine> machine = {};
  // Models a slower drive, for measuring (PacedEngine); 0: as it is.
  double drive_bytes_per_s_max = 0;
};

// Everything between a request and the hardware, without gRPC: slab, loader
// and its thread, backend, loaded models, scheduler and the executor thread.
// `layerd` puts a server before it; `layerctl run` uses it in four lines:
//
//   ASSIGN_OR_RETURN(auto engine, Engine::Start(options));
//   RETURN_IF_ERROR(engine->LoadModels({{path, "m", "1", 3}}));
//   std::shared_ptr<Model> model = engine->Find("m", "");
//   absl::Status status = engine->Run(model, inputs, outputs, &stats);
//
// Why here and not in daemon/: both programs need it and only one has gRPC.
//
// Threading: all methods from any thread.
class Engine {
 public:
  struct ModelSource {
    std::string layer_file_path;
    std::string name;
    std::string version;  // Decimal.
    int level = 3;
    int lower_to = 0;  // As ModelUrgency has these.
    std::chrono::milliseconds period{0};
    std::chrono::milliseconds deadline{0};
  };

  // UNAVAILABLE with the reason if "cuda" is asked for and is not to be had;
  // FAILED_PRECONDITION if io_uring or real time is, and is refused.
  static absl::StatusOr<std::unique_ptr<Engine>> Start(
      const EngineOptions& options);
  virtual ~Engine();

  // Loads (or replaces) models one by one and plans the memory of all loaded
  // models together; waits for jobs in flight of changed levels. Statuses in
  // the order of `sources`; a model that does not fit, is damaged, or cannot be
  // promised what it declares, leaves the others as they were.
  virtual std::vector<absl::Status> LoadModels(
      const std::vector<ModelSource>& sources) = 0;
  virtual absl::Status UnloadModel(const std::string& name,
                                   const std::string& version) = 0;

  // Version "" is the highest. Null if there is none.
  virtual std::shared_ptr<Model> Find(const std::string& name,
                                      const std::string& version) const = 0;
  virtual std::vector<std::shared_ptr<Model>> models() const = 0;

  // Queues a job; `done` tells the rest. RESOURCE_EXHAUSTED when the queue of
  // its level is full, UNAVAILABLE when draining or the model has failed: then
  // `done` is not called.
  virtual absl::Status Submit(std::unique_ptr<Job> job) = 0;
  // What Submit() would say now of the job's model, queue and time, asked
  // before anything is allocated for it: its inputs and outputs may yet be
  // missing.
  virtual absl::Status Admit(const Job& job) const = 0;

  // Submits and waits; `done` of the job is the engine's. For tools.
  absl::Status Run(std::unique_ptr<Job> job, JobStats* stats);
  // The same with a plain job: for `layerctl run` and tests.
  absl::Status Run(const std::shared_ptr<Model>& model,
                   const std::vector<std::span<const std::byte>>& inputs,
                   const std::vector<std::span<std::byte>>& outputs,
                   JobStats* stats);

  // Refuses new jobs, waits for those in flight until `deadline`, cancels the
  // rest at their next part boundary, and waits for that.
  virtual void Drain(Instant deadline) = 0;

  // Plans the memory of all loaded models anew for other budgets and gives it
  // to them between two jobs; requests wait meanwhile, none fails.
  // RESOURCE_EXHAUSTED with the least that would do: then all is as it was.
  virtual absl::Status SetBudgets(const MemoryBudgets& budgets) = 0;

  // What is planned, what it means, and by which costs.
  struct PlanReport {
    MemoryBudgets budgets;
    MemoryPlan plan;
    std::vector<ModelOutlook> outlook;  // In the order of plan.models.
    std::vector<Costs> costs;           // Likewise.
    std::vector<bool> measured;         // Likewise: by a profile.
    uint64_t base_bytes = 0;  // Of the process, beside budget and requests.
  };
  // Takes as long as planning does.
  virtual PlanReport Plan() const = 0;

  // Measures the models whose costs are not known, whenever nobody else wants
  // the machine; keeps what it finds in the cache folder, and plans anew with
  // it. A request that comes in between stops the measuring at the next part
  // boundary; it is taken up again later. Returns when all is measured, when
  // there is nothing to measure with, or when `go_on` says no. One caller at a
  // time.
  virtual void MeasureCosts(const std::function<bool()>& go_on) = 0;

  // What a model costs, in all its versions, is to be measured again by the
  // next MeasureCosts(), even where `measure_costs` is off; "" is all models.
  // Plans go on with what is known until then. NOT_FOUND if none is loaded,
  // FAILED_PRECONDITION without a cache folder.
  virtual absl::Status MeasureAgain(const std::string& name) = 0;

  // What is measured just now ends at the next part boundary, as if a request
  // had come in between. From any thread.
  virtual void InterruptMeasuring() = 0;

  struct MemoryStats {
    uint64_t weight_budget_bytes, memory_budget_bytes;
    // As planned, all levels. What kernels keep counts as arena.
    uint64_t ring_bytes, head_bytes, decode_bytes, table_bytes, arena_bytes;
    uint64_t weight_bytes;  // Of all loaded models.

    uint64_t weight_memory_bytes() const {
      return ring_bytes + head_bytes + decode_bytes + table_bytes;
    }
  };
  virtual MemoryStats memory() const = 0;
  // A read is in flight.
  virtual bool reading() const = 0;
  virtual Scheduler::Stats scheduling() const = 0;
  // What has happened last, the oldest first. Models that are long gone, with
  // many after them, have neither name nor version.
  struct TracedEvent {
    TraceEvent event;
    std::string model, version;
  };
  virtual std::vector<TracedEvent> Trace() = 0;
  // The reply to a job, or a refusal, has left, for the trace.
  struct Sent {
    const Model* model = nullptr;
    int level = 0;
    uint32_t number = 0;  // JobStats::number; 0: refused.
    absl::StatusCode refused = absl::StatusCode::kOk;
    uint64_t read_bytes = 0;
    Instant arrival{};
  };
  virtual void NoteSent(const Sent& sent) = 0;
  // Of a loaded model, with what has been seen of lower parts since.
  virtual Promises::OfModel PromiseOf(const Model* model) const = 0;
  // No loaded model is more urgent.
  virtual bool IsMostUrgent(int level) const = 0;
  // What the loader has done since the start.
  virtual Loader::Stats loading() const = 0;
  // Of its thread, since the start.
  virtual std::chrono::nanoseconds loader_cpu_time() const = 0;
  // Of the backend that computes.
  virtual KernelKey kernel_key() const = 0;
  // Why "auto" did not become "cuda"; empty if it did, or was not asked for.
  virtual std::string why_not_cuda() const = 0;
  // What the kernel refused (memory lock, io_uring, O_DIRECT), a line each.
  virtual std::vector<std::string> warnings() const = 0;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_ENGINE_ENGINE_H_
