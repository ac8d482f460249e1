#include "daemon/engine/data_path.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "absl/memory/memory.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/exec/executor.h"
#include "daemon/plan/cost_model.h"
#include "daemon/plan/ring_recurrence.h"
#include "daemon/rt/loader_cpu.h"
#include "daemon/rt/realtime.h"
#include "loader/store/format.h"

namespace layerd {
namespace {

// What plans count with is what is done.
static_assert(kTicketsOpenMax == Executor::kTicketsOpenMax);
static_assert(kInflightLowBytes == LoaderOptions{}.inflight_low_bytes);

// Bytes that are to lie elsewhere in the slab.
struct Move {
  uint64_t from = 0, to = 0, bytes = 0;
};

// Both places are in the same order, so whatever moves down may move from the
// lowest on, and after that whatever moves up from the highest on: nothing is
// overwritten that has yet to move.
void MoveAll(std::vector<Move> moves, std::span<std::byte> memory) {
  std::sort(moves.begin(), moves.end(),
            [](const Move& a, const Move& b) { return a.from < b.from; });
  const auto move = [&](const Move& m) {
    std::memmove(memory.data() + m.to, memory.data() + m.from, m.bytes);
  };
  for (const Move& m : moves) {
    if (m.to < m.from) move(m);
  }
  for (auto m = moves.rbegin(); m != moves.rend(); ++m) {
    if (m->to > m->from) move(*m);
  }
}

// More than all memory there is cannot be resident.
uint64_t AllMemoryBytes() {
  const long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
  return pages > 0 && bytes > 0
             ? static_cast<uint64_t>(pages) * static_cast<uint64_t>(bytes)
             : 0;
}

// Where addresses are rationed (ulimit -v), as many as are needed now.
absl::StatusOr<std::unique_ptr<Slab>> ReserveFor(uint64_t bytes) {
  auto slab = Slab::Reserve(std::max(bytes, AllMemoryBytes()));
  return slab.ok() ? std::move(slab) : Slab::Reserve(bytes);
}

uint64_t SlabBytes(const MemoryPlan& plan) {
  return std::max(plan.slab_bytes, kPageBytes);
}

}  // namespace

DataPath::Reading::Reading(std::unique_ptr<IoEngine> engine,
                           LoaderPriority priority)
    : io_engine(std::move(engine)), loader(io_engine.get(), LoaderOptions{}) {
  thread.Start("layerd-loader", [this, priority] {
    BecomeLoader(priority.own_cpu);
    if (priority.hurry == nullptr) return loader.Run();
    BecomeRealtime(RealtimeRole::kLoader);
    priority.hurry->Begin();
    loader.Run();
    priority.hurry->End();
  });
}

DataPath::Reading::~Reading() {
  loader.Shutdown();
  thread.Join();
}

absl::StatusOr<std::unique_ptr<DataPath>> DataPath::Open(
    const MemoryPlan& plan, const std::vector<std::shared_ptr<Model>>& models,
    const IoEngineOpener& open_io_engine, Backend* backend, const Clock* clock,
    Bell* bell, LoaderPriority priority) {
  auto path = absl::WrapUnique(
      new DataPath(open_io_engine, backend, clock, bell, priority));
  ASSIGN_OR_RETURN(path->slab_, ReserveFor(SlabBytes(plan)));
  RETURN_IF_ERROR(path->slab_->Resize(SlabBytes(plan)));
  RETURN_IF_ERROR(path->Start(plan, models, {}));
  return path;
}

DataPath::~DataPath() { Stop(); }

absl::Status DataPath::Change(const MemoryPlan& plan, const Models& models) {
  const MemoryPlan old_plan = plan_;
  const Models old_models = models_;
  Heads heads = Stop();
  const absl::Status resized = ResizeFor(plan, models, &heads);
  if (!resized.ok()) {
    if (slab_ != nullptr) RETURN_IF_ERROR(Start(old_plan, old_models, heads));
    return resized;
  }
  const absl::Status started = Start(plan, models, heads);
  if (started.ok() || old_models.empty()) return started;
  // A device may have less than the host. What was there fitted.
  heads.clear();
  RETURN_IF_ERROR(ResizeFor(old_plan, old_models, &heads));
  RETURN_IF_ERROR(Start(old_plan, old_models, heads));
  return started;
}

bool DataPath::reading() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return reading_ && reading_->loader.reading();
}

Loader::Stats DataPath::loading() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return reading_ ? past_ + reading_->loader.stats() : past_;
}

std::chrono::nanoseconds DataPath::loader_cpu_time() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return reading_ ? past_cpu_time_ + reading_->thread.cpu_time()
                  : past_cpu_time_;
}

absl::Status DataPath::Start(const MemoryPlan& plan, const Models& models,
                             const Heads& heads) {
  ASSIGN_OR_RETURN(IoEngineChoice choice, open_io_engine_());
  RETURN_IF_ERROR(backend_->Attach(slab_->memory()));
  warnings_ = slab_->warnings();
  warnings_.insert(warnings_.end(), choice.warnings.begin(),
                   choice.warnings.end());
  const absl::Status registered =
      choice.engine->RegisterMemory(slab_->memory());
  if (!registered.ok()) warnings_.emplace_back(registered.message());
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    reading_ = std::make_unique<Reading>(std::move(choice.engine), priority_);
  }
  placement_ =
      std::make_unique<Placement>(plan, models, slab_->memory(), backend_,
                                  &reading_->loader, clock_, bell_);
  lanes_ = std::make_unique<ExecutorLanes>(
      placement_.get(), [loader = priority_.hurry](bool hurries) {
        if (loader != nullptr) loader->Set(hurries);
      });
  for (const auto& [place, head] : heads) {
    PlacedModel* const placed = placement_->Find(place.first, place.second);
    if (placed != nullptr) placed->TakeOver(head.present_extents);
  }
  for (size_t m = 0; m < models.size(); ++m) {
    const std::shared_ptr<Model>& model = models[m];
    if (model->file().direct()) continue;
    if (m > 0 && models[m - 1] == model) continue;  // Of another level.
    warnings_.push_back(absl::StrFormat(
        "model %s/%s: its file system refuses O_DIRECT, weights are read "
        "through the page cache: keep layer files on ext4, xfs or f2fs",
        model->name(), model->version()));
  }
  plan_ = plan;
  models_ = models;
  return absl::OkStatus();
}

DataPath::Heads DataPath::Stop() {
  Heads heads;
  if (placement_ == nullptr) return heads;
  placement_->ExpectNothing();
  for (size_t m = 0; m < models_.size(); ++m) {
    const Model* const model = models_[m].get();
    const int level = plan_.models[m].level;
    heads[{model, level}] = {plan_.models[m].head,
                             placement_->Find(model, level)->PresentExtents()};
  }
  lanes_.reset();
  placement_.reset();
  std::unique_ptr<Reading> old;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    past_ = past_ + reading_->loader.stats();
    past_cpu_time_ += reading_->thread.cpu_time();
    old = std::move(reading_);
  }
  old.reset();
  backend_->Detach();
  return heads;
}

absl::Status DataPath::ResizeFor(const MemoryPlan& plan, const Models& models,
                                 Heads* heads) {
  const uint64_t old_bytes = slab_->memory().size();
  const uint64_t bytes = SlabBytes(plan);
  if (bytes > slab_->reserved_bytes()) {
    // Never two slabs at once: what was resident is read again.
    heads->clear();
    slab_.reset();
    auto fresh = ReserveFor(bytes);
    absl::Status status = fresh.status();
    if (fresh.ok()) status = (*fresh)->Resize(bytes);
    if (!status.ok()) {
      fresh = ReserveFor(old_bytes);  // Or there is no slab any more.
      RETURN_IF_ERROR(fresh.status());
      RETURN_IF_ERROR((*fresh)->Resize(old_bytes));
    }
    slab_ = *std::move(fresh);
    return status;
  }
  if (bytes > old_bytes) RETURN_IF_ERROR(slab_->Resize(bytes));
  std::vector<Move> moves;
  for (size_t m = 0; m < models.size(); ++m) {
    const auto head = heads->find({models[m].get(), plan.models[m].level});
    if (head == heads->end()) continue;
    const SlabRange &from = head->second.range, &to = plan.models[m].head;
    moves.push_back(
        {from.offset_bytes, to.offset_bytes, std::min(from.bytes, to.bytes)});
  }
  MoveAll(std::move(moves), slab_->memory());
  return bytes < old_bytes ? slab_->Resize(bytes) : absl::OkStatus();
}

}  // namespace layerd
