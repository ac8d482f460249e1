#ifndef LAYERD_LOADER_IO_PREAD_ENGINE_H_
#define LAYERD_LOADER_IO_PREAD_ENGINE_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "loader/io/io_engine.h"

namespace layerd {

// Reads with pread, one at a time, inside Reap(): for kernels and sandboxes
// without io_uring. In the order of submission; one completion a call, so that
// its bytes can be used while the next ones come. Costs a deep queue, not
// right answers.
class PreadEngine final : public IoEngine {
 public:
  // REQUIRES: depth > 0.
  explicit PreadEngine(size_t depth);

  absl::Status RegisterMemory(std::span<std::byte> memory) override;
  size_t depth() const override { return queue_.size(); }
  void Submit(const ReadRequest& request) override;
  size_t Reap(std::span<ReadCompletion> completions, bool wait) override;
  void Wake() override;

 private:
  std::vector<ReadRequest> queue_;  // Circular.
  size_t oldest_ = 0;
  size_t queued_ = 0;
  std::atomic<uint32_t> woken_{0};
};

}  // namespace layerd

#endif  // LAYERD_LOADER_IO_PREAD_ENGINE_H_
