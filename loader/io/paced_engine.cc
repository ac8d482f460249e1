#include "loader/io/paced_engine.h"

#include <sys/prctl.h>

#include <algorithm>
#include <utility>

#include "config/check.h"

namespace layerd {
namespace {

// Of the kernel's timers; its default is 50 us, a tenth of a read.
constexpr unsigned long kTimerSlackNs = 1000;

}  // namespace

PacedEngine::PacedEngine(std::unique_ptr<IoEngine> engine, double bytes_per_s,
                         std::function<Instant()> now)
    : engine_(std::move(engine)),
      bytes_per_s_(bytes_per_s),
      now_(std::move(now)),
      collected_(engine_->depth()) {
  LAYERD_CHECK(bytes_per_s > 0);
  in_flight_.reserve(engine_->depth());
  held_.reserve(engine_->depth());
}

absl::Status PacedEngine::RegisterMemory(std::span<std::byte> memory) {
  return engine_->RegisterMemory(memory);
}

void PacedEngine::Submit(const ReadRequest& request) {
  LAYERD_CHECK(in_flight_.size() + held_.size() < depth());
  in_flight_.push_back({request.user_data, now_()});
  engine_->Submit(request);
}

size_t PacedEngine::Reap(std::span<ReadCompletion> completions, bool wait) {
  for (;;) {
    Collect(wait && held_.empty() && !woken_.load());
    const size_t count = Deliver(completions);
    if (!wait) return count;
    // The engine beneath may have been woken for a wait that was ours.
    if (woken_.exchange(false) || count > 0) return count;
    if (!held_.empty()) WaitUntil(held_.front().due);
  }
}

void PacedEngine::Wake() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    woken_.store(true);
    wake_.notify_one();
  }
  engine_->Wake();
}

void PacedEngine::Collect(bool wait) {
  const size_t count = engine_->Reap(collected_, wait);
  for (size_t i = 0; i < count; ++i) Hold(collected_[i]);
}

void PacedEngine::Hold(const ReadCompletion& completion) {
  const auto read = std::find_if(
      in_flight_.begin(), in_flight_.end(), [&](const InFlight& in_flight) {
        return in_flight.user_data == completion.user_data;
      });
  LAYERD_CHECK(read != in_flight_.end());
  const std::chrono::duration<double> time(
      static_cast<double>(std::max<int64_t>(completion.result, 0)) /
      bytes_per_s_);
  last_due_ =
      std::max(now_(), std::max(last_due_, read->submitted) +
                           std::chrono::ceil<std::chrono::nanoseconds>(time));
  held_.push_back({completion, last_due_});
  in_flight_.erase(read);
}

size_t PacedEngine::Deliver(std::span<ReadCompletion> completions) {
  const Instant now = now_();
  size_t count = 0;
  while (count < held_.size() && count < completions.size() &&
         held_[count].due <= now) {
    completions[count] = held_[count].completion;
    ++count;
  }
  held_.erase(held_.begin(), held_.begin() + static_cast<ptrdiff_t>(count));
  return count;
}

void PacedEngine::WaitUntil(Instant due) {
  if (!timer_is_fine_) {
    prctl(PR_SET_TIMERSLACK, kTimerSlackNs, 0, 0, 0);
    timer_is_fine_ = true;
  }
  std::unique_lock<std::mutex> lock(mutex_);
  wake_.wait_until(lock, due, [this] { return woken_.load(); });
}

}  // namespace layerd
