#include "daemon/serve/side_thread.h"

#include <utility>

#include "daemon/rt/prompt_thread.h"

namespace layerd {

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

void SideThread::Do(std::function<void()> work) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    given_.push_back(std::move(work));
  }
  changed_.notify_one();
}

void SideThread::Run() {
  BecomeOrdinary();
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return over_ || !given_.empty(); });
    if (given_.empty()) return;
    const std::function<void()> work = std::move(given_.front());
    given_.pop_front();
    lock.unlock();
    work();
    lock.lock();
  }
}

}  // namespace layerd
