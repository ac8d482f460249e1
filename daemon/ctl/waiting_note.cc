#include "daemon/ctl/waiting_note.h"

namespace layerd {

WaitingNote::WaitingNote(const std::string& what,
                         std::chrono::milliseconds after, std::FILE* out)
    : thread_([this, line = "still waiting: " + what + "\n", after, out] {
        std::unique_lock<std::mutex> lock(mutex_);
        if (changed_.wait_for(lock, after, [this] { return over_; })) return;
        std::fputs(line.c_str(), out);
        std::fflush(out);
      }) {}

WaitingNote::~WaitingNote() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    over_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

}  // namespace layerd
