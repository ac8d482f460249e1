#include "daemon/rt/named_thread.h"

#include <pthread.h>

#include <utility>

#include "config/check.h"

namespace layerd {

void NamedThread::Start(const std::string& name, std::function<void()> body) {
  LAYERD_CHECK(!thread_.joinable());
  thread_ = std::thread([name, body = std::move(body)] {
    LAYERD_CHECK(pthread_setname_np(pthread_self(), name.c_str()) == 0, name);
    body();
  });
}

void NamedThread::Join() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace layerd
