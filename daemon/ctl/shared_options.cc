#include "daemon/ctl/shared_options.h"

#include "config/limits.h"
#include "config/status_macros.h"
#include "daemon/rt/compute_cpus.h"

namespace layerd {

Option ThreadsOption() {
  return {.name = "--threads",
          .value = "N",
          .help = "that compute; default one for each CPU we may use"};
}

absl::StatusOr<int> ReadThreads(const CommandLine& line) {
  ASSIGN_OR_RETURN(
      const uint64_t threads,
      line.Number("--threads", CpusWeMayUse(), 1, uint64_t{kThreadsMax}));
  return static_cast<int>(threads);
}

Option CacheOption() {
  return {.name = "--cache",
          .value = "FOLDER",
          .help =
              "where a packed FILE.onnx is kept; default $CACHE_DIRECTORY, "
              "$XDG_CACHE_HOME/layerd or ~/.cache/layerd"};
}

}  // namespace layerd
