#ifndef LAYERD_LOADER_IO_IO_ENGINE_H_
#define LAYERD_LOADER_IO_IO_ENGINE_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/status/status.h"

namespace layerd {

struct ReadRequest {
  int fd = -1;
  uint64_t offset_bytes = 0;  // Multiple of 4 KiB.
  std::span<std::byte> into;  // 4 KiB-aligned, positive multiple of 4 KiB.
  uint64_t user_data = 0;     // Any but ~0.
};

struct ReadCompletion {
  uint64_t user_data = 0;
  int64_t result = 0;  // Bytes read, at most those asked for, or -errno.
};

// Reads that are in flight while their caller does something else: the seam
// between layerd and the drive. Twins: io_uring, pread (synchronous, inside
// Reap()), and the simulated drive of test/sim. One contract test runs over all
// of them.
//
// Threading: one owner thread, but for Wake().
// Ownership: `into` is a loan to the kernel from Submit() until the completion
//            is reaped: nobody else may write it, free it or give it away.
class IoEngine {
 public:
  virtual ~IoEngine() = default;

  // Memory that reads will go into; engines that can, register it with the
  // kernel. Failing is no error: reads work without, some slower, and the
  // status says why. May be called again for another piece of memory.
  // REQUIRES: no read is in flight; `memory` outlives the engine.
  virtual absl::Status RegisterMemory(std::span<std::byte> memory) = 0;

  // At most this many reads may be in flight.
  virtual size_t depth() const = 0;

  // May begin at once or with the next Reap(). Never blocks.
  // REQUIRES: fewer than depth() reads are in flight.
  virtual void Submit(const ReadRequest& request) = 0;

  // Completions, in any order: as many as there are and fit. With
  // `wait`, returns only when there is at least one or Wake() was called since
  // the last waiting Reap() returned (then perhaps none).
  virtual size_t Reap(std::span<ReadCompletion> completions, bool wait) = 0;

  // Any thread: makes the present or the next waiting Reap() return.
  virtual void Wake() = 0;
};

}  // namespace layerd

#endif  // LAYERD_LOADER_IO_IO_ENGINE_H_
