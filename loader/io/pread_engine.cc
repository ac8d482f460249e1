#include "loader/io/pread_engine.h"

#include <unistd.h>

#include <cerrno>

#include "config/check.h"

namespace layerd {
namespace {

int64_t Read(const ReadRequest& request) {
  for (;;) {
    const ssize_t bytes =
        pread(request.fd, request.into.data(), request.into.size(),
              static_cast<off_t>(request.offset_bytes));
    if (bytes >= 0) return bytes;
    if (errno != EINTR) return -errno;
  }
}

}  // namespace

PreadEngine::PreadEngine(size_t depth) : queue_(depth) {
  LAYERD_CHECK(depth > 0);
}

absl::Status PreadEngine::RegisterMemory(std::span<std::byte>) {
  return absl::OkStatus();
}

void PreadEngine::Submit(const ReadRequest& request) {
  LAYERD_CHECK(queued_ < depth());
  queue_[(oldest_ + queued_++) % depth()] = request;
}

size_t PreadEngine::Reap(std::span<ReadCompletion> completions, bool wait) {
  if (wait && queued_ == 0) woken_.wait(0);
  if (wait) woken_.exchange(0);
  if (queued_ == 0 || completions.empty()) return 0;
  const ReadRequest& request = queue_[oldest_];
  completions.front() = {request.user_data, Read(request)};
  oldest_ = (oldest_ + 1) % depth();
  --queued_;
  return 1;
}

void PreadEngine::Wake() {
  if (woken_.exchange(1) == 0) woken_.notify_one();
}

}  // namespace layerd
