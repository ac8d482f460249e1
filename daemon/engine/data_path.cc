#include "daemon/engine/data_path.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "loader/store/format.h"

namespace layerd {

absl::StatusOr<std::unique_ptr<DataPath>> DataPath::Open(
    const MemoryPlan& plan, const std::vector<std::shared_ptr<Model>>& models,
    const IoEngineOpener& open_io_engine, Backend* backend, const Clock* clock,
    Bell* bell) {
  ASSIGN_OR_RETURN(std::unique_ptr<Slab> slab,
                   Slab::Allocate(std::max(plan.slab_bytes, kPageBytes)));
  ASSIGN_OR_RETURN(IoEngineChoice io_engine, open_io_engine());
  auto path =
      absl::WrapUnique(new DataPath(std::move(slab), std::move(io_engine)));
  path->placement_ =
      std::make_unique<Placement>(plan, models, path->slab_->memory(), backend,
                                  path->loader_.get(), clock, bell);
  path->lanes_ = std::make_unique<ExecutorLanes>(path->placement_.get());
  for (size_t m = 0; m < models.size(); ++m) {
    const std::shared_ptr<Model>& model = models[m];
    if (model->file().direct()) continue;
    if (m > 0 && models[m - 1] == model) continue;  // Of another level.
    path->warnings_.push_back(absl::StrFormat(
        "model %s/%s: its file system refuses O_DIRECT, weights are read "
        "through the page cache: keep layer files on ext4, xfs or f2fs",
        model->name(), model->version()));
  }
  return path;
}

DataPath::DataPath(std::unique_ptr<Slab> slab, IoEngineChoice io_engine)
    : warnings_(slab->warnings()),
      slab_(std::move(slab)),
      io_engine_(std::move(io_engine.engine)),
      loader_(std::make_unique<Loader>(io_engine_.get(), LoaderOptions{})) {
  warnings_.insert(warnings_.end(), io_engine.warnings.begin(),
                   io_engine.warnings.end());
  const absl::Status registered = io_engine_->RegisterMemory(slab_->memory());
  if (!registered.ok()) warnings_.emplace_back(registered.message());
  loader_thread_.Start("layerd-loader", [this] { loader_->Run(); });
}

DataPath::~DataPath() {
  loader_->Shutdown();
  loader_thread_.Join();
}

}  // namespace layerd
