#ifndef LAYERD_LOADER_IO_PACED_ENGINE_H_
#define LAYERD_LOADER_IO_PACED_ENGINE_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "loader/io/io_engine.h"

namespace layerd {

// Any engine, as if its drive were slower: each completion comes no earlier
// than the one before, or its own Submit() if that was later, plus its bytes at
// the rate. What the drive itself takes longer, it takes.
//
// Why not a throttle of the kernel's: that serves bursts at full speed and then
// stalls for tens of milliseconds, so it models a slow drive on average only.
//
// A completion that is told late by the machine does not delay those after it:
// the rate holds over any stretch that keeps the drive busy.
//
// Threading: as IoEngine. For measuring: Wake() takes a lock.
class PacedEngine final : public IoEngine {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  // `now` is asked by the owner thread and must not run ahead of the monotonic
  // clock.
  // REQUIRES: bytes_per_s > 0.
  PacedEngine(std::unique_ptr<IoEngine> engine, double bytes_per_s,
              std::function<Instant()> now);

  absl::Status RegisterMemory(std::span<std::byte> memory) override;
  size_t depth() const override { return engine_->depth(); }
  void Submit(const ReadRequest& request) override;
  size_t Reap(std::span<ReadCompletion> completions, bool wait) override;
  void Wake() override;

 private:
  struct InFlight {
    uint64_t user_data;
    Instant submitted;
  };
  struct Held {
    ReadCompletion completion;
    Instant due;
  };

  void Collect(bool wait);
  void Hold(const ReadCompletion& completion);
  size_t Deliver(std::span<ReadCompletion> completions);
  void WaitUntil(Instant due);

  const std::unique_ptr<IoEngine> engine_;
  const double bytes_per_s_;
  const std::function<Instant()> now_;
  std::vector<InFlight> in_flight_;
  std::vector<Held> held_;  // The first to be told comes first.
  std::vector<ReadCompletion> collected_;
  Instant last_due_{};
  bool timer_is_fine_ = false;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<bool> woken_{false};  // Set under mutex_.
};

}  // namespace layerd

#endif  // LAYERD_LOADER_IO_PACED_ENGINE_H_
