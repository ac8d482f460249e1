#ifndef LAYERD_DAEMON_ENGINE_TRACED_ENGINE_H_
#define LAYERD_DAEMON_ENGINE_TRACED_ENGINE_H_

#include <memory>
#include <vector>

#include "daemon/rt/clock.h"
#include "daemon/sched/trace_buffer.h"
#include "loader/io/io_engine.h"

namespace layerd {

// Any engine, and a trace of its reads: from Submit() to the completion.
//
// Ownership: clock and trace outlive it.
// Threading: as IoEngine.
class TracedEngine final : public IoEngine {
 public:
  TracedEngine(std::unique_ptr<IoEngine> inner, const Clock* clock,
               TraceBuffer* trace);

  absl::Status RegisterMemory(std::span<std::byte> memory) override {
    return inner_->RegisterMemory(memory);
  }
  size_t depth() const override { return inner_->depth(); }
  void Submit(const ReadRequest& request) override;
  size_t Reap(std::span<ReadCompletion> completions, bool wait) override;
  void Wake() override { inner_->Wake(); }

 private:
  struct InFlight {
    uint64_t user_data = 0;
    Instant begin{};
    bool used = false;
  };

  const std::unique_ptr<IoEngine> inner_;
  const Clock* const clock_;
  TraceBuffer* const trace_;
  std::vector<InFlight> in_flight_;  // As many as the depth.
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_ENGINE_TRACED_ENGINE_H_
