#ifndef LAYERD_LOADER_IO_OPEN_IO_ENGINE_H_
#define LAYERD_LOADER_IO_OPEN_IO_ENGINE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "loader/io/io_engine.h"

namespace layerd {

enum class IoEngineKind {
  kAuto,  // io_uring, or else pread with a warning.
  kIoUring,
  kPread,
};

// "auto", "io_uring", "pread"; INVALID_ARGUMENT for any other word.
absl::StatusOr<IoEngineKind> ParseIoEngineKind(std::string_view word);

struct IoEngineChoice {
  std::unique_ptr<IoEngine> engine;
  // Where the engine is less than one could have, a line each: why, and what
  // to do about it. Memory that cannot be locked or registered is told by
  // Slab::warnings() and IoEngine::RegisterMemory().
  std::vector<std::string> warnings;
};

// UNAVAILABLE if io_uring was asked for by name and is not to be had.
// REQUIRES: depth > 0.
absl::StatusOr<IoEngineChoice> OpenIoEngine(IoEngineKind kind, size_t depth);

}  // namespace layerd

#endif  // LAYERD_LOADER_IO_OPEN_IO_ENGINE_H_
