#ifndef LAYERD_LOADER_IO_IO_URING_ENGINE_H_
#define LAYERD_LOADER_IO_IO_URING_ENGINE_H_

#include <sys/uio.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "loader/io/io_engine.h"
#include "loader/io/unique_fd.h"

struct io_uring;
struct io_uring_cqe;

namespace layerd {

// Reads through io_uring: several in flight, one system call for all that is
// submitted and waited for. Into registered memory the kernel needs to look up
// no pages.
//
// No SQPOLL (a whole core for nothing measurable) and no IOPOLL (virtio refuses
// it). Wake() is an eventfd that the ring polls.
class IoUringEngine final : public IoEngine {
 public:
  // UNAVAILABLE where the kernel, a sandbox or a limit forbids io_uring, with
  // what to do about it.
  // REQUIRES: depth > 0.
  static absl::StatusOr<std::unique_ptr<IoUringEngine>> Open(size_t depth);
  // REQUIRES: no read is in flight.
  ~IoUringEngine() override;

  absl::Status RegisterMemory(std::span<std::byte> memory) override;
  size_t depth() const override { return depth_; }
  void Submit(const ReadRequest& request) override;
  size_t Reap(std::span<ReadCompletion> completions, bool wait) override;
  void Wake() override;

 private:
  IoUringEngine(std::unique_ptr<io_uring> ring, UniqueFd wake_fd, size_t depth);

  // Of the registered memory that holds all of `bytes`; -1 if none does.
  int RegisteredIndex(std::span<const std::byte> bytes) const;
  void PollWake();
  void Enter(bool wait);
  size_t TakeCompletions(std::span<ReadCompletion> completions);

  std::unique_ptr<io_uring> ring_;
  UniqueFd wake_fd_;
  const size_t depth_;
  size_t in_flight_ = 0;
  std::vector<iovec> registered_;
  bool woken_ = false;                     // Seen by the owner, not yet told.
  std::atomic<bool> wake_pending_{false};  // In the eventfd, or on its way.
};

}  // namespace layerd

#endif  // LAYERD_LOADER_IO_IO_URING_ENGINE_H_
