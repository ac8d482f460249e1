#include "daemon/serve/reply_thread.h"

#include <cstdint>
#include <thread>
#include <utility>

namespace layerd {

ReplyThread::ReplyThread() {
  thread_.Start("layerd-reply", [this] { Run(); });
}

ReplyThread::~ReplyThread() {
  over_.store(true);
  bell_.Ring();
  thread_.Join();
  while (adding_.load() > 0) std::this_thread::yield();
}

void ReplyThread::Add(Reply* reply) {
  adding_.fetch_add(1);
  reply->added_before_ = newest_.load();
  while (!newest_.compare_exchange_weak(reply->added_before_, reply)) {
  }
  bell_.Ring();
  adding_.fetch_sub(1);
}

bool ReplyThread::SendAll() {
  Reply* oldest = nullptr;
  for (Reply* reply = newest_.exchange(nullptr); reply != nullptr;) {
    Reply* const before = std::exchange(reply->added_before_, oldest);
    oldest = std::exchange(reply, before);
  }
  if (oldest == nullptr) return false;
  while (oldest != nullptr)
    std::exchange(oldest, oldest->added_before_)->Send();
  return true;
}

void ReplyThread::Run() {
  while (true) {
    const uint32_t rung = bell_.rung();
    const bool over = over_.load();
    if (SendAll()) continue;
    if (over) return;
    bell_.WaitFor(rung, Bell::kForEver);
  }
}

}  // namespace layerd
