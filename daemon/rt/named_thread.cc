#include "daemon/rt/named_thread.h"

#include <pthread.h>
#include <time.h>

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

std::chrono::nanoseconds NamedThread::cpu_time() const {
  if (!thread_.joinable()) return {};
  clockid_t clock;
  timespec time{};
  // Refused once its body has returned.
  if (pthread_getcpuclockid(const_cast<std::thread&>(thread_).native_handle(),
                            &clock) != 0 ||
      clock_gettime(clock, &time) != 0) {
    return {};
  }
  return std::chrono::seconds(time.tv_sec) +
         std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace layerd
