#ifndef LAYERD_DAEMON_SERVE_REQUEST_MEMORY_H_
#define LAYERD_DAEMON_SERVE_REQUEST_MEMORY_H_

#include <atomic>
#include <cstdint>

namespace layerd {

// The bound on bytes of requests that were received and not yet answered, with
// their replies (`memory.requests`): clients must not be able to fill the
// machine that models share. One request alone is always let in: its size has
// a bound of its own, max_message_bytes. A quarter is kept for requests of the
// most urgent level, so that a flood of others cannot keep them out.
//
// Threading: any thread.
class RequestMemory {
 public:
  explicit RequestMemory(uint64_t bytes_max) : bytes_max_(bytes_max) {}

  bool TryTake(uint64_t bytes, bool most_urgent) {
    const uint64_t bytes_max =
        most_urgent ? bytes_max_ : bytes_max_ - bytes_max_ / 4;
    uint64_t taken = taken_.load(std::memory_order_relaxed);
    do {
      if (taken > 0 && (taken > bytes_max || bytes > bytes_max - taken)) {
        return false;
      }
    } while (!taken_.compare_exchange_weak(taken, taken + bytes,
                                           std::memory_order_relaxed));
    return true;
  }

  void Return(uint64_t bytes) {
    taken_.fetch_sub(bytes, std::memory_order_relaxed);
  }

  uint64_t bytes_max() const { return bytes_max_; }
  uint64_t taken_bytes() const {
    return taken_.load(std::memory_order_relaxed);
  }

 private:
  const uint64_t bytes_max_;
  std::atomic<uint64_t> taken_{0};
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_REQUEST_MEMORY_H_
