#include "test/sim/cranked_engine.h"

#include <unistd.h>

#include "config/check.h"

namespace layerd {

void CrankedEngine::Run(Loader* loader,
                        std::vector<std::function<void()>> steps) {
  loader_ = loader;
  steps_.assign(steps.begin(), steps.end());
  loader->Run();
}

uint64_t CrankedEngine::bytes_in_flight() const {
  uint64_t bytes = 0;
  for (const ReadRequest& read : in_flight_) bytes += read.into.size();
  return bytes;
}

absl::Status CrankedEngine::RegisterMemory(std::span<std::byte>) {
  return absl::OkStatus();
}

void CrankedEngine::Submit(const ReadRequest& request) {
  LAYERD_CHECK(in_flight_.size() < depth());
  in_flight_.push_back(request);
}

size_t CrankedEngine::Reap(std::span<ReadCompletion> completions, bool wait) {
  ++looks_;
  while (wait && !woken_ && !answers()) {
    if (steps_.empty()) {
      LetGo();
      loader_->Shutdown();
      continue;
    }
    const std::function<void()> step = std::move(steps_.front());
    steps_.pop_front();
    step();
  }
  if (wait) woken_ = false;
  if (completions.empty() || !answers()) return 0;
  const ReadRequest read = in_flight_.front();
  in_flight_.pop_front();
  completions[0] = {read.user_data,
                    pread(read.fd, read.into.data(), read.into.size(),
                          static_cast<off_t>(read.offset_bytes))};
  return 1;
}

}  // namespace layerd
