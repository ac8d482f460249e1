#ifndef LAYERD_DAEMON_SERVE_LATENCY_HISTOGRAM_H_
#define LAYERD_DAEMON_SERVE_LATENCY_HISTOGRAM_H_

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace layerd {

// How many times were at most so long, for bounds that are fixed: scrapes and
// machines can be added up. Plain data, guarded by whoever holds it.
struct LatencyHistogram {
  static constexpr std::array<double, 15> kBoundsSeconds = {
      .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30};

  void Add(std::chrono::nanoseconds time) {
    const double seconds = std::chrono::duration<double>(time).count();
    const auto bound =
        std::lower_bound(kBoundsSeconds.begin(), kBoundsSeconds.end(), seconds);
    ++counts[static_cast<size_t>(bound - kBoundsSeconds.begin())];
    sum += time;
  }

  // Each of what is above the bound before and not above its own; the last
  // has what is above all.
  std::array<uint64_t, kBoundsSeconds.size() + 1> counts{};
  std::chrono::nanoseconds sum{0};
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_LATENCY_HISTOGRAM_H_
