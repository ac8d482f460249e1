#include "daemon/serve/side_thread.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "daemon/rt/prompt_thread.h"

namespace layerd {
namespace {

absl::Status TooManyWait() {
  return absl::ResourceExhaustedError(absl::StrFormat(
      "%d calls for traces and budgets wait already, as many as may: try again "
      "later",
      SideThread::kWaitingMax));
}

}  // namespace

SideThread::SideThread() {
  thread_.Start("layerd-side", [this] { Run(); });
}

SideThread::~SideThread() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    over_ = true;
  }
  changed_.notify_one();
  thread_.Join();
}

void SideThread::Do(IsCancelled is_cancelled, Work work) {
  Given given{std::move(is_cancelled), std::move(work)};
  if (Take(&given)) {
    changed_.notify_one();
  } else {
    given.work(TooManyWait());
  }
}

bool SideThread::Take(Given* given) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (given_.size() >= kWaitingMax) return false;
  given_.push_back(std::move(*given));
  return true;
}

void SideThread::Run() {
  BecomeOrdinary();
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return over_ || !given_.empty(); });
    if (given_.empty()) return;
    const Given given = std::move(given_.front());
    given_.pop_front();
    lock.unlock();
    given.work(given.is_cancelled()
                   ? absl::CancelledError("nobody waits for the answer")
                   : absl::OkStatus());
    lock.lock();
  }
}

}  // namespace layerd
