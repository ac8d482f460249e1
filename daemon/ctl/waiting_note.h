#ifndef LAYERD_DAEMON_CTL_WAITING_NOTE_H_
#define LAYERD_DAEMON_CTL_WAITING_NOTE_H_

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <string>
#include <thread>

namespace layerd {

// Says once what a command waits for, on standard error, if it waits for so
// long that a person begins to wonder.
//
// Threading: one owner. A thread of its own.
class WaitingNote {
 public:
  static constexpr std::chrono::seconds kAfter{5};

  explicit WaitingNote(const std::string& what,
                       std::chrono::milliseconds after = kAfter,
                       std::FILE* out = stderr);
  // What has not been said is not said any more.
  ~WaitingNote();
  WaitingNote(const WaitingNote&) = delete;
  WaitingNote& operator=(const WaitingNote&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;  // Guarded by mutex_.
  std::thread thread_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_WAITING_NOTE_H_
