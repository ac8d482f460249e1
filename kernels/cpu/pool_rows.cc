#include <limits>

#include "kernels/cpu/lanes.h"
#include "kernels/cpu/multiversion.h"
#include "kernels/cpu/rows.h"

namespace layerd::cpu {
namespace {

struct Most {
  template <typename T>
  LAYERD_INLINE T operator()(const T& all, const T& x) const {
    return x < all ? all : x;
  }
  template <typename T>
  LAYERD_INLINE T Last(const T& all) const {
    return all;
  }
  static constexpr float kStart = std::numeric_limits<float>::lowest();
};
struct Sum {
  template <typename T>
  LAYERD_INLINE T operator()(const T& all, const T& x) const {
    return all + x;
  }
  template <typename T>
  LAYERD_INLINE T Last(const T& all) const {
    return all * factor;
  }
  static constexpr float kStart = 0;
  float factor;
};

// Calls visit(row) for each row of channels.
template <typename Visit>
LAYERD_INLINE void ForEachRow(const PoolWindow& window, const float* x,
                              const Visit& visit) {
  for (int64_t a = 0; a < window.count[0]; ++a) {
    for (int64_t b = 0; b < window.count[1]; ++b) {
      const float* row = x + a * window.step[0] + b * window.step[1];
      for (int64_t c = 0; c < window.count[2]; ++c) {
        visit(row + c * window.step[2]);
      }
    }
  }
}

template <typename Vector, int64_t kVectors, typename Join>
LAYERD_INLINE void JoinVectors(Join join, const PoolWindow& window,
                               int64_t channel, float* y) {
  using Floats = typename Vector::Floats;
  Floats all[kVectors];
  for (Floats& each : all) each = Floats{} + Join::kStart;
  ForEachRow(window, window.x + channel, [&](const float* row) {
    for (int64_t v = 0; v < kVectors; ++v) {
      all[v] = join(all[v], Vector::Load(row + v * Vector::kCount));
    }
  });
  for (int64_t v = 0; v < kVectors; ++v) {
    Vector::Put(y + channel + v * Vector::kCount, join.Last(all[v]));
  }
}

template <typename Join>
LAYERD_INLINE void JoinOne(Join join, const PoolWindow& window, int64_t channel,
                           float* y) {
  float all = Join::kStart;
  ForEachRow(window, window.x + channel,
             [&](const float* row) { all = join(all, *row); });
  y[channel] = join.Last(all);
}

// The last vector ends with the channels, and so may be computed twice.
template <typename Vector, typename Join>
LAYERD_INLINE void JoinBy(Join join, const PoolWindow& window, float* y,
                          int64_t channels) {
  constexpr int64_t kCount = Vector::kCount;
  int64_t channel = 0;
  for (; channel + 4 * kCount <= channels; channel += 4 * kCount) {
    JoinVectors<Vector, 4>(join, window, channel, y);
  }
  for (; channel + kCount <= channels; channel += kCount) {
    JoinVectors<Vector, 1>(join, window, channel, y);
  }
  if (channel == channels) return;
  if (channels >= kCount) {
    return JoinVectors<Vector, 1>(join, window, channels - kCount, y);
  }
  for (; channel < channels; ++channel) JoinOne(join, window, channel, y);
}

template <typename Join>
LAYERD_INLINE void JoinWindow(Join join, const PoolWindow& window, float* y,
                              int64_t channels) {
  HasLongVectors() ? JoinBy<LongVector>(join, window, y, channels)
                   : JoinBy<ShortVector>(join, window, y, channels);
}

}  // namespace

LAYERD_MULTIVERSION
void MaxOfWindow(const PoolWindow& window, float* y, int64_t channels) {
  JoinWindow(Most{}, window, y, channels);
}

LAYERD_MULTIVERSION
void SumOfWindow(const PoolWindow& window, float factor, float* y,
                 int64_t channels) {
  JoinWindow(Sum{factor}, window, y, channels);
}

}  // namespace layerd::cpu
