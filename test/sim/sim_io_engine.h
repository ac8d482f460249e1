#ifndef LAYERD_TEST_SIM_SIM_IO_ENGINE_H_
#define LAYERD_TEST_SIM_SIM_IO_ENGINE_H_

#include <cerrno>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <random>
#include <span>
#include <vector>

#include "loader/io/io_engine.h"

namespace layerd {

// What goes wrong with reads that touch `offset_bytes` of the file.
struct SimFault {
  enum class Kind {
    kShort,  // The read ends at the 4 KiB page of the offset.
    kError,
    kBitFlip,  // Of the lowest bit of the byte there.
  };
  static constexpr int kAlways = -1;

  Kind kind = Kind::kError;
  uint64_t offset_bytes = 0;
  int times = kAlways;
  int error = EIO;
};

// A drive that does all that drives do, by a seed: completes late and out of
// order, several reads at once or one. `into` holds rubbish from Submit() on
// and the bytes only when the completion is reaped, so that memory which was
// given away too early is found out.
//
// Deterministic: the same seed and the same calls, the same completions. No
// clock: "late" means that other reads and other threads come first.
//
// Threading: as IoEngine; the methods of its own from any thread.
class SimIoEngine final : public IoEngine {
 public:
  explicit SimIoEngine(uint32_t seed, size_t depth = 4);

  absl::Status RegisterMemory(std::span<std::byte> memory) override;
  size_t depth() const override { return depth_; }
  void Submit(const ReadRequest& request) override;
  size_t Reap(std::span<ReadCompletion> completions, bool wait) override;
  void Wake() override;

  void AddFault(const SimFault& fault);

  // From Hold() to LetGo() nothing completes.
  void Hold();
  void LetGo();
  // Returns when so many reads are in flight; while holding they stay.
  void AwaitInFlight(size_t reads);
  // Returns when Wake() has been called so often.
  void AwaitWakes(size_t wakes);
  size_t wakes() const;

  size_t in_flight() const;
  // The most bytes that were ever in flight at once.
  uint64_t bytes_in_flight_max() const;
  // Of every read so far.
  std::vector<ReadRequest> history() const;

 private:
  int64_t Perform(const ReadRequest& request);

  const size_t depth_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::mt19937 random_;
  std::vector<ReadRequest> in_flight_;
  std::vector<SimFault> faults_;
  std::vector<ReadRequest> history_;
  uint64_t bytes_in_flight_max_ = 0;
  bool holding_ = false;
  bool woken_ = false;
  size_t wakes_ = 0;
};

}  // namespace layerd

#endif  // LAYERD_TEST_SIM_SIM_IO_ENGINE_H_
