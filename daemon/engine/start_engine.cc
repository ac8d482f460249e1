#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/engine/engine.h"
#include "daemon/engine/local_engine.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cuda/load_backend.h"
#include "kernels/reference/reference_backend.h"
#include "loader/io/open_io_engine.h"
#include "loader/io/paced_engine.h"
#include "loader/loader.h"

namespace layerd {
namespace {

// What computes, and why not what was hoped for.
struct BackendChoice {
  std::unique_ptr<Backend> backend;
  std::string reason;
};

absl::StatusOr<BackendChoice> MakeBackend(const EngineOptions& options) {
  const std::string& name = options.backend;
  const int threads = options.threads;
  if (threads < 1) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%d compute threads: at least 1 is needed", threads));
  }
  if (name == "reference") return BackendChoice{MakeReferenceBackend(), ""};
  if (name == "cpu") return BackendChoice{MakeCpuBackend(threads), ""};
  if (name != "auto" && name != "cuda") {
    return absl::InvalidArgumentError(absl::StrFormat(
        "backend \"%s\" is none of auto, cpu, cuda, reference", name));
  }
  ASSIGN_OR_RETURN(const CudaPluginOptions asked,
                   CudaOptionsNamed(options.cuda_memory));
  auto cuda = LoadCudaBackend(asked);
  if (cuda.ok()) return BackendChoice{*std::move(cuda), ""};
  const std::string reason(cuda.status().message());
  if (name == "auto") return BackendChoice{MakeCpuBackend(threads), reason};
  return absl::UnavailableError("backend cuda: " + reason);
}

absl::StatusOr<IoEngineChoice> Paced(absl::StatusOr<IoEngineChoice> choice,
                                     double bytes_per_s) {
  if (choice.ok() && bytes_per_s > 0) {
    choice->engine =
        std::make_unique<PacedEngine>(std::move(choice->engine), bytes_per_s,
                                      [] { return MonotonicClock().now(); });
  }
  return choice;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> Engine::Start(
    const EngineOptions& options) {
  EngineParts parts;
  ASSIGN_OR_RETURN(BackendChoice choice, MakeBackend(options));
  parts.backend = std::move(choice.backend);
  parts.why_not_cuda = std::move(choice.reason);
  ASSIGN_OR_RETURN(const IoEngineKind kind,
                   ParseIoEngineKind(options.io_engine));
  parts.open_io_engine = [kind, rate = options.drive_bytes_per_s_max] {
    constexpr LoaderOptions loading;
    return Paced(
        OpenIoEngine(kind, loading.reads_in_flight + loading.lookups_in_flight),
        rate);
  };
  // Refused now, and not when the first model is loaded.
  if (const auto drive = parts.open_io_engine(); !drive.ok()) {
    return absl::FailedPreconditionError(absl::StrCat(
        std::string(drive.status().message()), "; or ask for auto or pread"));
  }
  parts.clock = std::make_unique<MonotonicClock>();
  auto engine = std::make_unique<LocalEngine>(options, std::move(parts));
  if (options.realtime == Realtime::kRequired) {
    for (const std::string& warning : engine->warnings()) {
      return absl::FailedPreconditionError(warning);
    }
  }
  return engine;
}

}  // namespace layerd
