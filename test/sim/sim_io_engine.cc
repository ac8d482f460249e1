#include "test/sim/sim_io_engine.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "config/check.h"

namespace layerd {
namespace {

constexpr uint64_t kPageBytes = 4096;

bool Touches(const ReadRequest& request, const SimFault& fault) {
  return fault.times != 0 && fault.offset_bytes >= request.offset_bytes &&
         fault.offset_bytes - request.offset_bytes < request.into.size();
}

}  // namespace

SimIoEngine::SimIoEngine(uint32_t seed, size_t depth)
    : depth_(depth), random_(seed) {}

absl::Status SimIoEngine::RegisterMemory(std::span<std::byte>) {
  return absl::OkStatus();
}

void SimIoEngine::Submit(const ReadRequest& request) {
  std::memset(request.into.data(), 0xDB, request.into.size());
  std::lock_guard lock(mutex_);
  LAYERD_CHECK(in_flight_.size() < depth_);
  for (const ReadRequest& other : in_flight_) {
    LAYERD_CHECK(
        request.into.data() + request.into.size() <= other.into.data() ||
            other.into.data() + other.into.size() <= request.into.data(),
        "two reads into the same memory");
  }
  in_flight_.push_back(request);
  history_.push_back(request);
  uint64_t bytes = 0;
  for (const ReadRequest& read : in_flight_) bytes += read.into.size();
  bytes_in_flight_max_ = std::max(bytes_in_flight_max_, bytes);
  changed_.notify_all();
}

size_t SimIoEngine::Reap(std::span<ReadCompletion> completions, bool wait) {
  std::unique_lock lock(mutex_);
  if (wait) {
    changed_.wait(
        lock, [this] { return woken_ || (!holding_ && !in_flight_.empty()); });
  }
  size_t left = std::min(completions.size(), in_flight_.size());
  if (holding_) left = 0;
  // A wake may come before any read; a look without waiting may find none.
  const size_t least = wait && !woken_ ? 1 : 0;
  if (left > 0) left = std::max(least, random_() % (left + 1));
  if (wait) woken_ = false;
  size_t count = 0;
  for (; count < left; ++count) {
    std::swap(in_flight_[random_() % in_flight_.size()], in_flight_.back());
    const ReadRequest request = in_flight_.back();
    in_flight_.pop_back();
    completions[count] = {request.user_data, Perform(request)};
  }
  changed_.notify_all();
  return count;
}

void SimIoEngine::Wake() {
  std::lock_guard lock(mutex_);
  woken_ = true;
  ++wakes_;
  changed_.notify_all();
}

void SimIoEngine::AddFault(const SimFault& fault) {
  std::lock_guard lock(mutex_);
  faults_.push_back(fault);
}

void SimIoEngine::Hold() {
  std::lock_guard lock(mutex_);
  holding_ = true;
}

void SimIoEngine::LetGo() {
  std::lock_guard lock(mutex_);
  holding_ = false;
  changed_.notify_all();
}

void SimIoEngine::AwaitInFlight(size_t reads) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return in_flight_.size() == reads; });
}

void SimIoEngine::AwaitWakes(size_t wakes) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return wakes_ >= wakes; });
}

size_t SimIoEngine::wakes() const {
  std::lock_guard lock(mutex_);
  return wakes_;
}

size_t SimIoEngine::in_flight() const {
  std::lock_guard lock(mutex_);
  return in_flight_.size();
}

uint64_t SimIoEngine::bytes_in_flight_max() const {
  std::lock_guard lock(mutex_);
  return bytes_in_flight_max_;
}

std::vector<ReadRequest> SimIoEngine::history() const {
  std::lock_guard lock(mutex_);
  return history_;
}

int64_t SimIoEngine::Perform(const ReadRequest& request) {
  int64_t bytes = pread(request.fd, request.into.data(), request.into.size(),
                        static_cast<off_t>(request.offset_bytes));
  if (bytes < 0) return -errno;
  for (SimFault& fault : faults_) {
    if (!Touches(request, fault)) continue;
    if (fault.times > 0) --fault.times;
    const uint64_t at = fault.offset_bytes - request.offset_bytes;
    switch (fault.kind) {
      case SimFault::Kind::kShort:
        bytes = std::min<int64_t>(
            bytes, static_cast<int64_t>(at / kPageBytes * kPageBytes));
        break;
      case SimFault::Kind::kError:
        return -fault.error;
      case SimFault::Kind::kBitFlip:
        request.into[at] ^= std::byte{1};
        break;
    }
  }
  return bytes;
}

}  // namespace layerd
