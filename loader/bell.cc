#include "loader/bell.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <climits>

namespace layerd {
namespace {

static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t));

void Futex(std::atomic<uint32_t>* word, int operation, uint32_t value,
           const timespec* patience) {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(word), operation, value,
          patience, nullptr, 0);
}

}  // namespace

// Counting comes before looking for one who waits, and he says that he waits
// before the kernel compares the count: one of the two sees the other.
void Bell::Ring() {
  count_.fetch_add(1);
  if (waiting_.load()) Futex(&count_, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr);
}

void Bell::WaitFor(uint32_t rung, std::chrono::nanoseconds patience) {
  if (patience <= std::chrono::nanoseconds(0)) return;
  waiting_.store(true);
  if (patience == kForEver) {
    Futex(&count_, FUTEX_WAIT_PRIVATE, rung, nullptr);
  } else {
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(patience);
    const timespec time{.tv_sec = seconds.count(),
                        .tv_nsec = (patience - seconds).count()};
    Futex(&count_, FUTEX_WAIT_PRIVATE, rung, &time);
  }
  waiting_.store(false);
}

}  // namespace layerd
