#ifndef LAYERD_DAEMON_SERVE_LATENCY_HISTOGRAM_H_
#define LAYERD_DAEMON_SERVE_LATENCY_HISTOGRAM_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace layerd {

// How many times were at most so long, for bounds that are fixed: scrapes and
// machines can be added up.
//
// Threading: any thread; who reads may see a count before its sum.
class LatencyHistogram {
 public:
  static constexpr std::array<double, 15> kBoundsSeconds = {
      .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30};

  void Add(std::chrono::nanoseconds time) {
    const double seconds = std::chrono::duration<double>(time).count();
    const auto bound =
        std::lower_bound(kBoundsSeconds.begin(), kBoundsSeconds.end(), seconds);
    counts_[static_cast<size_t>(bound - kBoundsSeconds.begin())].fetch_add(
        1, std::memory_order_relaxed);
    sum_ns_.fetch_add(time.count(), std::memory_order_relaxed);
  }

  // Of what is above the bound before it and not above bound `i`; the last, of
  // what is above all.
  uint64_t count(size_t i) const {
    return counts_[i].load(std::memory_order_relaxed);
  }
  std::chrono::nanoseconds sum() const {
    return std::chrono::nanoseconds(sum_ns_.load(std::memory_order_relaxed));
  }

 private:
  std::array<std::atomic<uint64_t>, kBoundsSeconds.size() + 1> counts_{};
  std::atomic<int64_t> sum_ns_{0};
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_LATENCY_HISTOGRAM_H_
