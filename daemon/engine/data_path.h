#ifndef LAYERD_DAEMON_ENGINE_DATA_PATH_H_
#define LAYERD_DAEMON_ENGINE_DATA_PATH_H_

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/exec/placement.h"
#include "daemon/model/model.h"
#include "daemon/plan/memory_plan.h"
#include "daemon/rt/clock.h"
#include "daemon/rt/loader_hurry.h"
#include "daemon/rt/named_thread.h"
#include "daemon/sched/executor_lanes.h"
#include "kernels/backend.h"
#include "loader/bell.h"
#include "loader/io/io_engine.h"
#include "loader/io/open_io_engine.h"
#include "loader/loader.h"
#include "loader/memory/slab.h"

namespace layerd {

using IoEngineOpener = std::function<absl::StatusOr<IoEngineChoice>()>;

// How the loader's thread gets a processor.
struct LoaderPriority {
  // Real-time as far as the kernel allows; a loan. Null: a normal one.
  LoaderHurry* hurry = nullptr;
  bool own_cpu = false;  // The executor keeps off it.
};

// A memory plan on real hardware: the slab, the drive's engine that knows it,
// the loader and its thread, and every model at its place.
//
//     drive --IoEngine--> slab [rings, heads | arenas] <--Placement-- executor
//
// When models come and go or the budget changes, the slab stays where it is: it
// grows first or shrinks last, in between heads move to their new places, and
// what they hold is not read again. The drive's engine and the loader are made
// anew, because memory that the kernel knows as a registered buffer stays in
// memory until it is unregistered. The peak is that of the larger plan.
//
// Threading: made, changed and destroyed while the executor thread is held.
class DataPath {
 public:
  // `models` as Placement takes them. `backend`, `clock` and `bell` outlive the
  // data path. Whoever asks for real time has said what was refused of it.
  static absl::StatusOr<std::unique_ptr<DataPath>> Open(
      const MemoryPlan& plan, const std::vector<std::shared_ptr<Model>>& models,
      const IoEngineOpener& open_io_engine, Backend* backend,
      const Clock* clock, Bell* bell, LoaderPriority priority);
  // REQUIRES: no job is on.
  ~DataPath();

  // Becomes what `plan` says. If the memory is not to be had, all is as it was,
  // but for the lanes, which are others.
  // REQUIRES: no job is on.
  absl::Status Change(const MemoryPlan& plan,
                      const std::vector<std::shared_ptr<Model>>& models);

  // False after a Change() that could not even keep what was there.
  bool is_open() const { return placement_ != nullptr; }
  const Lanes& lanes() const { return lanes_->lanes(); }
  // A read is in flight. Any thread.
  bool reading() const;
  // Since the start. Any thread.
  Loader::Stats loading() const;
  // Of the loader's threads. Any thread.
  std::chrono::nanoseconds loader_cpu_time() const;
  // What the kernel refused, a line each.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  using Models = std::vector<std::shared_ptr<Model>>;

  // The head of one model and what of it has been read.
  struct Head {
    SlabRange range;
    std::vector<bool> present_extents;
  };
  // By model and level.
  using Heads = std::map<std::pair<const Model*, int>, Head>;

  // What reads from the drive, and the thread it does that in.
  struct Reading {
    Reading(std::unique_ptr<IoEngine> engine, LoaderPriority priority);
    ~Reading();  // REQUIRES: no stream is on.

    std::unique_ptr<IoEngine> io_engine;
    Loader loader;
    NamedThread thread;
  };

  DataPath(IoEngineOpener open_io_engine, Backend* backend, const Clock* clock,
           Bell* bell, LoaderPriority priority)
      : open_io_engine_(std::move(open_io_engine)),
        backend_(backend),
        clock_(clock),
        bell_(bell),
        priority_(priority) {}

  absl::Status Start(const MemoryPlan& plan, const Models& models,
                     const Heads& heads);
  // What Start() made, but for the slab.
  Heads Stop();
  absl::Status ResizeFor(const MemoryPlan& plan, const Models& models,
                         Heads* heads);

  const IoEngineOpener open_io_engine_;
  Backend* const backend_;
  const Clock* const clock_;
  Bell* const bell_;
  const LoaderPriority priority_;
  MemoryPlan plan_;
  Models models_;
  std::vector<std::string> warnings_;
  std::unique_ptr<Slab> slab_;

  mutable std::mutex mutex_;  // Guards the next three, for other threads.
  Loader::Stats past_;        // Of readings that are gone.
  std::chrono::nanoseconds past_cpu_time_{0};
  std::unique_ptr<Reading> reading_;

  std::unique_ptr<Placement> placement_;
  std::unique_ptr<ExecutorLanes> lanes_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_ENGINE_DATA_PATH_H_
