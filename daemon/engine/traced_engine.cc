#include "daemon/engine/traced_engine.h"

#include <algorithm>
#include <utility>

namespace layerd {

TracedEngine::TracedEngine(std::unique_ptr<IoEngine> inner, const Clock* clock,
                           TraceBuffer* trace)
    : inner_(std::move(inner)),
      clock_(clock),
      trace_(trace),
      in_flight_(inner_->depth()) {}

void TracedEngine::Submit(const ReadRequest& request) {
  for (InFlight& read : in_flight_) {
    if (read.used) continue;
    read = {request.user_data, clock_->now(), true};
    break;
  }
  inner_->Submit(request);
}

size_t TracedEngine::Reap(std::span<ReadCompletion> completions, bool wait) {
  const size_t count = inner_->Reap(completions, wait);
  if (count == 0) return 0;
  const Instant now = clock_->now();
  for (const ReadCompletion& completion : completions.first(count)) {
    const auto read = std::find_if(
        in_flight_.begin(), in_flight_.end(), [&](const InFlight& r) {
          return r.used && r.user_data == completion.user_data;
        });
    if (read == in_flight_.end()) continue;
    read->used = false;
    trace_->Add({.kind = TraceKind::kRead,
                 .number = static_cast<uint32_t>(
                     std::max<int64_t>(completion.result, 0)),
                 .begin = read->begin.time_since_epoch(),
                 .duration = now - read->begin});
  }
  return count;
}

}  // namespace layerd
