#include "daemon/engine/local_engine.h"

#include <algorithm>
#include <future>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "config/check.h"
#include "config/status_macros.h"
#include "daemon/engine/traced_engine.h"
#include "daemon/plan/base_memory.h"
#include "daemon/rt/compute_cpus.h"
#include "daemon/rt/freed_memory.h"
#include "daemon/rt/loader_cpu.h"
#include "daemon/rt/log.h"
#include "daemon/rt/processor_name.h"
#include "daemon/rt/realtime.h"

namespace layerd {
namespace {

// A little more than kernels take (5 %) from real-time threads that never rest.
constexpr double kRestShare = 0.06;

using Models = std::vector<std::shared_ptr<Model>>;

std::optional<uint64_t> NumberOf(const std::string& version) {
  uint64_t number = 0;
  if (!absl::SimpleAtoi(version, &number)) return std::nullopt;
  return number;
}

// Of requests, as far as it was declared.
double RateOf(const ModelUrgency& urgency) {
  const std::chrono::duration<double> period = urgency.period;
  return period.count() > 0 ? 1 / period.count() : 0;
}

// A kernel often refuses two threads the same.
void AddIfNew(std::string line, std::vector<std::string>* lines) {
  if (line.empty() || std::ranges::count(*lines, line) > 0) return;
  lines->push_back(std::move(line));
}

// What a loader's thread would be refused: there is none before the first
// model, and whoever requires real time is told before.
std::vector<std::string> RefusedToLoader() {
  std::vector<std::string> refused;
  NamedThread loader;
  loader.Start("layerd-loader",
               [&refused] { refused = BecomeRealtime(RealtimeRole::kLoader); });
  loader.Join();
  return refused;
}

// Version "" is the highest.
std::shared_ptr<Model> FindIn(const Models& models, const std::string& name,
                              const std::string& version) {
  std::shared_ptr<Model> found;
  for (const std::shared_ptr<Model>& model : models) {
    if (model->name() != name) continue;
    if (version.empty()) {
      if (!found || *NumberOf(found->version()) < *NumberOf(model->version())) {
        found = model;
      }
    } else if (model->version() == version) {
      return model;
    }
  }
  return found;
}

// A model once for each level that it may run at.
Models AtAllLevels(const Models& models) {
  Models placed;
  for (const std::shared_ptr<Model>& model : models) {
    const ModelUrgency& urgency = model->urgency();
    placed.insert(placed.end(), urgency.lowest() - urgency.level + 1, model);
  }
  return placed;
}

}  // namespace

LocalEngine::LocalEngine(const EngineOptions& options, EngineParts parts)
    : options_(options),
      parts_(std::move(parts)),
      budgets_{.weight_bytes = options.weight_budget_bytes,
               .memory_bytes = options.memory_budget_bytes},
      scheduler_(
          {.queue_jobs_max = options.queue_jobs_max,
           .level_order = options.level_order,
           .read_ahead = options.read_ahead,
           .rest_share = options.realtime == Realtime::kOff ? 0 : kRestShare},
          parts_.clock.get()) {
  const auto refused =
      std::make_shared<std::promise<std::vector<std::string>>>();
  executor_thread_.Start("layerd-executor", [this, refused] {
    if (options_.realtime == Realtime::kOff &&
        HasCpuForLoader(options_.threads)) {
      LeaveCpuToLoader();
    }
    std::vector<std::string> lines;
    if (options_.realtime != Realtime::kOff) {
      lines = BecomeRealtime(RealtimeRole::kExecutor);
    }
    StartHelpers(&lines);
    refused->set_value(std::move(lines));
    scheduler_.Run();
  });
  realtime_warnings_ = refused->get_future().get();
  if (options_.realtime != Realtime::kOff) {
    for (std::string& line : RefusedToLoader()) {
      AddIfNew(std::move(line), &realtime_warnings_);
    }
  }
  warnings_ = realtime_warnings_;
}

LocalEngine::~LocalEngine() {
  scheduler_.Shutdown();
  executor_thread_.Join();
  parts_.backend->StopHelping();
  KeepPartTimes(models_, {});
}

// They begin with the priority and the CPUs of this thread.
void LocalEngine::StartHelpers(std::vector<std::string>* refused) {
  Backend* const backend = parts_.backend.get();
  const int helpers = backend->helpers();
  if (helpers == 0) return;
  const ComputeCpus cpus(helpers + 1);
  backend->OnLibraryThreads([&](int thread) { cpus.KeepTo(thread); });
  for (int i = 0; i < helpers; ++i) {
    // Both sides own it: the one that is told may be gone before the other has
    // returned from telling.
    const auto locked = std::make_shared<std::promise<std::string>>();
    helper_threads_.emplace_back().Start(
        absl::StrFormat("layerd-help%d", i + 1), [this, locked, cpus, i] {
          cpus.KeepTo(i + 1);
          locked->set_value(options_.realtime == Realtime::kOff ? ""
                                                                : LockStack());
          parts_.backend->Help(i, cpus.are_enough());
        });
    AddIfNew(locked->get_future().get(), refused);
  }
}

absl::Status LocalEngine::UnloadModel(const std::string& name,
                                      const std::string& version) {
  const std::lock_guard<std::mutex> change(change_);
  Models rest = models();
  const std::shared_ptr<Model> model = FindIn(rest, name, version);
  if (model == nullptr) {
    return absl::NotFoundError(
        absl::StrFormat("model %s/%s is not loaded", name, version));
  }
  rest.erase(std::find(rest.begin(), rest.end(), model));
  // What is left has no more to keep up with than before.
  return Adopt(std::move(rest), budgets_, /*strict=*/false);
}

absl::Status LocalEngine::SetBudgets(const MemoryBudgets& budgets) {
  const std::lock_guard<std::mutex> change(change_);
  // Who has no promise now loses none.
  return Adopt(models(), budgets,
               options_.strict_admission && promises_->warnings().empty());
}

std::shared_ptr<Model> LocalEngine::Find(const std::string& name,
                                         const std::string& version) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return FindIn(models_, name, version);
}

std::vector<std::shared_ptr<Model>> LocalEngine::models() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return models_;
}

void LocalEngine::Drain(Instant deadline) { scheduler_.Drain(deadline); }

std::shared_ptr<const LocalEngine::Known> LocalEngine::KnownOf(
    const Model& model) const {
  const KernelKey key = parts_.backend->key();
  Machine machine =
      options_.machine.value_or(Machine::OfClass(key.isa, options_.threads));
  if (key.backend == "cuda") {
    machine = machine.WithDevice(!parts_.backend->shares_memory());
  }
  // What was measured here says nothing about a machine that is elsewhere.
  const bool is_here =
      !options_.machine || options_.machine->processor == ProcessorName();
  auto known = std::make_shared<Known>();
  std::optional<CostProfile> profile;
  if (is_here && !options_.cache_path.empty()) {
    profile = ProfileOf(model).Read(model.program().parts.size());
  }
  known->measured = profile.has_value();
  known->is_due = options_.measure_costs && !known->measured;
  if (profile) known->seen = profile->seen;
  known->costs = CostsOf(model.program(), profile, machine, options_.threads);
  // What one says of the drive counts more than what was found of it.
  if (options_.machine) {
    known->costs.drive_bytes_per_s = machine.drive_bytes_per_s;
    known->costs.drive_turn_seconds = machine.drive_turn_seconds;
    known->costs.first_read_seconds = machine.first_read_seconds;
    known->costs.slow_drive_bytes_per_s = 0;
  }
  if (options_.drive_bytes_per_s_max > 0) {
    known->costs.drive_turn_seconds = 0;  // It is in the slower rate.
    known->costs.drive_bytes_per_s = std::min(known->costs.drive_bytes_per_s,
                                              options_.drive_bytes_per_s_max);
    known->costs.slow_drive_bytes_per_s = std::min(
        known->costs.slow_drive_bytes_per_s, options_.drive_bytes_per_s_max);
  }
  return known;
}

KnownCosts LocalEngine::ProfileOf(const Model& model) const {
  return KnownCosts::OfDigest(model.file().digest(), options_.cache_path,
                              parts_.backend->key(), options_.threads);
}

void LocalEngine::RestorePartTimes(const SeenParts& seen, Model* model) const {
  if (!options_.keep_part_times ||
      seen.steps_per_octave != PartTimes::kStepsPerOctave) {
    return;
  }
  if (model->part_times().Restore(seen.counts)) return;
  LogWarning(absl::StrFormat(
      "model %s/%s: what was seen of its parts is unsound, and forgotten",
      model->name(), model->version()));
}

void LocalEngine::KeepPartTimes(const Models& models,
                                const Models& others) const {
  if (!options_.keep_part_times || options_.cache_path.empty()) return;
  for (const std::shared_ptr<Model>& model : models) {
    if (std::ranges::count(others, model) > 0) continue;
    const absl::Status kept = ProfileOf(*model).WriteSeen(
        model->program().parts.size(),
        {.steps_per_octave = PartTimes::kStepsPerOctave,
         .counts = model->part_times().counts()});
    if (kept.ok()) continue;
    LogWarning(absl::StrFormat(
        "model %s/%s: what was seen of its parts is not kept: %s",
        model->name(), model->version(), std::string(kept.message())));
  }
}

// Without costs where none are known.
std::vector<ModelDemand> LocalEngine::DemandsOf(const Models& models,
                                                const KnownModels& known) {
  std::vector<ModelDemand> demands;
  for (const std::shared_ptr<Model>& model : models) {
    const auto costs = known.find(model.get());
    const ModelUrgency& own = model->urgency();
    for (int level = own.level; level <= own.lowest(); ++level) {
      demands.push_back(
          {.name = absl::StrFormat("%s/%s", model->name(), model->version()),
           .level = level,
           .program = &model->program(),
           .scratch_bytes = model->scratch_bytes(),
           .decode_bytes = model->decode_bytes(),
           .prepared_bytes = level > own.level ? 0 : model->prepared_bytes(),
           .costs = costs == known.end() ? nullptr : &costs->second->costs,
           .requests_per_s = RateOf(own),
           .seen_part_seconds = model->part_times().nearly_all_seconds()});
    }
  }
  return demands;
}

IoEngineOpener LocalEngine::TracedOpener() {
  return [this]() -> absl::StatusOr<IoEngineChoice> {
    ASSIGN_OR_RETURN(IoEngineChoice choice, parts_.open_io_engine());
    choice.engine = std::make_unique<TracedEngine>(
        std::move(choice.engine), parts_.clock.get(), scheduler_.trace());
    return choice;
  };
}

absl::Status LocalEngine::Adopt(Models models, const MemoryBudgets& budgets,
                                bool strict) {
  KnownModels known;
  Models before;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    before = models_;
    for (const std::shared_ptr<Model>& model : models) {
      known[model.get()] = known_[model.get()];
    }
  }
  // Before anybody waits: it may take a second.
  ASSIGN_OR_RETURN(Planned planned, PlanFor(models, known, budgets, strict));
  scheduler_.Hold();
  const absl::Status status = ChangeDataPath(planned.plan, models);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (status.ok()) {
      models_ = std::move(models);
      for (const std::shared_ptr<Model>& model : before) {
        if (std::ranges::count(models_, model) > 0) continue;
        traced_names_.NoteGone(model.get(), {model->name(), model->version()},
                               parts_.clock->now());
      }
      // Not what was known before planning: costs may have been measured since.
      std::erase_if(known_, [&](const auto& of_model) {
        return !known.contains(of_model.first);
      });
      budgets_ = budgets;
      Take(std::move(planned));
    }
    warnings_ = AllWarnings();
  }
  scheduler_.Resume(data_path_ ? data_path_->lanes() : Lanes{});
  if (status.ok()) KeepPartTimes(before, this->models());
  ReturnFreedMemory();  // What planned and packed, and who is gone.
  return status;
}

// REQUIRES: mutex_ is held; models_ are those that were planned.
void LocalEngine::Take(Planned planned) {
  plan_ = std::move(planned.plan);
  most_urgent_.store(plan_.levels.empty() ? kLevels
                                          : plan_.levels.front().level);
  promises_ = std::move(planned.promises);
  // Who stays has not another turn for it.
  std::erase_if(rates_, [this](const auto& rate) {
    return promises_->Of(rate.first).response.count() == 0;
  });
}

// REQUIRES: the scheduler is held.
absl::Status LocalEngine::ChangeDataPath(const MemoryPlan& plan,
                                         const Models& models) {
  std::unique_ptr<DataPath> gone;  // Outlives the lock: its end takes a while.
  if (data_path_ && !models.empty()) {
    const absl::Status status = data_path_->Change(plan, AtAllLevels(models));
    if (data_path_->is_open()) return status;
    // Not even what was there a moment ago is to be had.
    for (const std::shared_ptr<Model>& model : models_) model->Fail(status);
    const std::lock_guard<std::mutex> lock(mutex_);
    past_ = past_ + data_path_->loading();
    gone = std::move(data_path_);
    return status;
  }
  std::unique_ptr<DataPath> fresh;
  if (!models.empty()) {
    ASSIGN_OR_RETURN(
        fresh,
        DataPath::Open(
            plan, AtAllLevels(models), TracedOpener(), parts_.backend.get(),
            parts_.clock.get(), scheduler_.bell(),
            {.hurry =
                 options_.realtime == Realtime::kOff ? nullptr : &loader_hurry_,
             .own_cpu = HasCpuForLoader(options_.threads)}));
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  if (data_path_) past_ = past_ + data_path_->loading();
  gone = std::move(data_path_);
  data_path_ = std::move(fresh);
  return absl::OkStatus();
}

Engine::PlanReport LocalEngine::Plan() const {
  Models models;
  KnownModels known;
  PlanReport report;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    models = models_;
    known = known_;
    report.plan = plan_;
    report.budgets = budgets_;
  }
  report.base_bytes = kDaemonBaseBytes;
  if (parts_.backend->key().backend == "cuda") {
    report.base_bytes += options_.machine.value_or(Machine()).DeviceBaseBytes();
  }
  for (const std::shared_ptr<Model>& model : models) {
    report.base_bytes += model->base_bytes();
  }
  for (const std::shared_ptr<Model>& model : AtAllLevels(models)) {
    report.costs.push_back(known[model.get()]->costs);
    report.measured.push_back(known[model.get()]->measured);
  }
  const std::vector<ModelDemand> demands = DemandsOf(models, known);
  MemoryPlanner planner(demands);
  auto outlook = OutlookOf(demands, report.plan, report.budgets, &planner);
  LAYERD_CHECK(outlook.ok(), std::string(outlook.status().message()));
  report.outlook = *std::move(outlook);
  return report;
}

}  // namespace layerd
