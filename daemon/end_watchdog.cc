#include "daemon/end_watchdog.h"

#include <unistd.h>

#include "absl/strings/str_format.h"
#include "daemon/rt/log.h"

namespace layerd {

EndWatchdog::~EndWatchdog() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    is_over_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void EndWatchdog::Start(std::chrono::milliseconds patience, int exit_status) {
  thread_ = std::thread([=, this] { Watch(patience, exit_status); });
}

void EndWatchdog::Watch(std::chrono::milliseconds patience, int exit_status) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (changed_.wait_for(lock, patience, [this] { return is_over_; })) return;
  LogError(absl::StrFormat(
      "not ended %.1f s after it was told to, perhaps because a drive does not "
      "answer (dmesg may tell): ends now, whatever is under way",
      std::chrono::duration<double>(patience).count()));
  _exit(exit_status);
}

}  // namespace layerd
