#include "kernels/cpu/tile.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/cpu/tiled_layer.h"
#include "test/catch/catch.h"

namespace layerd::cpu {
namespace {

constexpr int64_t kRows = 3;
constexpr int64_t kProducts = 9 * 2048;

// A tile of positive numbers: no error cancels another.
struct Sums {
  Sums() : x(kRows * kProducts), weights(kProducts * panel), y(kRows * panel) {
    uint32_t state = 7;
    for (std::vector<float>* numbers : {&x, &weights}) {
      for (float& number : *numbers) {
        state = state * 1664525u + 1013904223u;
        number = 0.5f + static_cast<float>(state >> 9) * 0x1p-23f;
      }
    }
  }

  // Products divided among so many taps.
  std::vector<float> Run(int64_t taps, int64_t channels) {
    const int64_t depth = kProducts / taps;
    std::vector<const float*> rows;
    for (int64_t tap = 0; tap < taps; ++tap) {
      for (int64_t r = 0; r < kRows; ++r) {
        rows.push_back(x.data() + r * kProducts + tap * depth);
      }
    }
    float* to[kRows];
    for (int64_t r = 0; r < kRows; ++r) to[r] = y.data() + r * panel;
    constexpr float kMost = std::numeric_limits<float>::infinity();
    Tiles()->Run(kRows, {.x = rows.data(),
                         .taps = taps,
                         .depth = depth,
                         .weights = weights.data(),
                         .weights_step = panel,
                         .bias = nullptr,
                         .residual = nullptr,
                         .y = to,
                         .channels = channels,
                         .low = -kMost,
                         .high = kMost});
    return y;
  }

  const int64_t panel = Tiles()->panel;
  std::vector<float> x, weights, y;
};

TEST_CASE("A sum of very many products is true to seven digits") {
  if (Tiles() == nullptr) return;  // Another processor: the library computes.
  Sums sums;

  const std::vector<float> y = sums.Run(1, sums.panel);

  for (int64_t r = 0; r < kRows; ++r) {
    for (int64_t c = 0; c < sums.panel; ++c) {
      double truth = 0;
      for (int64_t p = 0; p < kProducts; ++p) {
        truth += static_cast<double>(sums.x[r * kProducts + p]) *
                 sums.weights[p * sums.panel + c];
      }
      INFO("row " << r << " channel " << c);
      CHECK(std::abs(y[r * sums.panel + c] - truth) < 5e-7 * truth);
    }
  }
}

TEST_CASE("Sums do not depend on how products are divided among taps") {
  if (Tiles() == nullptr) return;
  Sums sums;
  const std::vector<float> one = sums.Run(1, sums.panel);

  CHECK(sums.Run(3, sums.panel) == one);
  CHECK(sums.Run(9, sums.panel) == one);
  CHECK(sums.Run(kProducts / 96, sums.panel) == one);
  CHECK(sums.Run(9, sums.panel / 2) == one);
}

}  // namespace
}  // namespace layerd::cpu
