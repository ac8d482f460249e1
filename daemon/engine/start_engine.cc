#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/engine/engine.h"
#include "daemon/engine/local_engine.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/reference/reference_backend.h"
#include "loader/io/open_io_engine.h"
#include "loader/loader.h"

namespace layerd {
namespace {

absl::StatusOr<std::unique_ptr<Backend>> MakeBackend(const std::string& name,
                                                     int threads) {
  if (name == "reference") return MakeReferenceBackend();
  if (name == "cpu") return MakeCpuBackend(threads);
  return absl::InvalidArgumentError(absl::StrFormat(
      "backend \"%s\" is neither \"cpu\" nor \"reference\"", name));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> Engine::Start(
    const EngineOptions& options) {
  EngineParts parts;
  ASSIGN_OR_RETURN(parts.backend,
                   MakeBackend(options.backend, options.threads));
  ASSIGN_OR_RETURN(const IoEngineKind kind,
                   ParseIoEngineKind(options.io_engine));
  parts.open_io_engine = [kind] {
    return OpenIoEngine(kind, LoaderOptions{}.reads_in_flight);
  };
  // Refused now, and not when the first model is loaded.
  RETURN_IF_ERROR(parts.open_io_engine().status());
  parts.clock = std::make_unique<MonotonicClock>();
  return std::make_unique<LocalEngine>(options, std::move(parts));
}

}  // namespace layerd
