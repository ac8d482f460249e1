#include "loader/io/open_io_engine.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "loader/io/io_uring_engine.h"
#include "loader/io/pread_engine.h"

namespace layerd {

absl::StatusOr<IoEngineKind> ParseIoEngineKind(std::string_view word) {
  if (word == "auto") return IoEngineKind::kAuto;
  if (word == "io_uring") return IoEngineKind::kIoUring;
  if (word == "pread") return IoEngineKind::kPread;
  return absl::InvalidArgumentError(
      absl::StrCat("I/O engine '", std::string(word),
                   "' is unknown: use auto, io_uring or pread"));
}

absl::StatusOr<IoEngineChoice> OpenIoEngine(IoEngineKind kind, size_t depth) {
  IoEngineChoice choice;
  if (kind != IoEngineKind::kPread) {
    auto ring = IoUringEngine::Open(depth);
    if (ring.ok()) {
      choice.engine = *std::move(ring);
      return choice;
    }
    if (kind == IoEngineKind::kIoUring) return ring.status();
    choice.warnings.push_back(
        absl::StrCat(std::string(ring.status().message()),
                     "; reading with pread, one read at a time"));
  }
  choice.engine = std::make_unique<PreadEngine>(depth);
  return choice;
}

}  // namespace layerd
