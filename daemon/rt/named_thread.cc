#include "daemon/rt/named_thread.h"

#include <pthread.h>

#include <utility>

#include "config/check.h"

namespace layerd {

NamedThread::NamedThread(const std::string& name, std::function<void()> body)
    : thread_(std::move(body)) {
  LAYERD_CHECK(pthread_setname_np(thread_.native_handle(), name.c_str()) == 0,
               name);
}

NamedThread::~NamedThread() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace layerd
