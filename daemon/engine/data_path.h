#ifndef LAYERD_DAEMON_ENGINE_DATA_PATH_H_
#define LAYERD_DAEMON_ENGINE_DATA_PATH_H_

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/exec/placement.h"
#include "daemon/model/model.h"
#include "daemon/plan/memory_plan.h"
#include "daemon/rt/clock.h"
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

// A memory plan on real hardware: the slab, the drive's engine that knows it,
// the loader and its thread, and every model at its place.
//
//     drive --IoEngine--> slab [rings, heads | arenas] <--Placement-- executor
//
// Why all in one: memory that the kernel knows as a registered buffer stays in
// memory until it is unregistered, and addresses are everywhere. When the set
// of models changes, the whole is torn down and made anew: simple, and the peak
// is that of one slab. What was resident is read again on first use.
//
// Threading: made and destroyed while the executor thread is held.
class DataPath {
 public:
  // `models` as Placement takes them. `backend`, `clock` and `bell` outlive the
  // data path.
  static absl::StatusOr<std::unique_ptr<DataPath>> Open(
      const MemoryPlan& plan, const std::vector<std::shared_ptr<Model>>& models,
      const IoEngineOpener& open_io_engine, Backend* backend,
      const Clock* clock, Bell* bell);
  // REQUIRES: no job is on.
  ~DataPath();

  const Lanes& lanes() const { return lanes_->lanes(); }
  // Any thread.
  Loader::Stats loading() const { return loader_->stats(); }
  // Of the loader's thread. Any thread.
  std::chrono::nanoseconds loader_cpu_time() const {
    return loader_thread_.cpu_time();
  }
  // What the kernel refused, a line each.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  DataPath(std::unique_ptr<Slab> slab, IoEngineChoice io_engine);

  std::vector<std::string> warnings_;
  std::unique_ptr<Slab> slab_;
  std::unique_ptr<IoEngine> io_engine_;
  std::unique_ptr<Loader> loader_;
  std::unique_ptr<Placement> placement_;
  std::unique_ptr<ExecutorLanes> lanes_;
  NamedThread loader_thread_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_ENGINE_DATA_PATH_H_
