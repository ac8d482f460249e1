#include "kernels/cpu/tile.h"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <limits>
#include <memory>
#include <vector>

#include "kernels/cpu/decode_rows.h"
#include "kernels/cpu/shared_tile.h"
#include "kernels/cpu/team.h"
#include "kernels/cpu/tiled_layer.h"
#include "test/catch/catch.h"

namespace layerd::cpu {
namespace {

constexpr int64_t kRows = 3;
constexpr int64_t kProducts = 9 * 2048;

// A tile of positive numbers: no error cancels another.
struct Sums {
  Sums()
      : x(kRows * kProducts),
        weights(kProducts * panel),
        y(kRows * panel + 16) {
    uint32_t state = 7;
    for (std::vector<float>* numbers : {&x, &weights}) {
      for (float& number : *numbers) {
        state = state * 1664525u + 1013904223u;
        number = 0.5f + static_cast<float>(state >> 9) * 0x1p-23f;
      }
    }
  }

  // Products divided among so many taps.
  std::vector<float> Run(int64_t taps, int64_t channels, bool streams = false) {
    const int64_t depth = kProducts / taps;
    std::vector<const float*> rows;
    for (int64_t tap = 0; tap < taps; ++tap) {
      for (int64_t r = 0; r < kRows; ++r) {
        rows.push_back(x.data() + r * kProducts + tap * depth);
      }
    }
    float* to[kRows];
    float* const first = FirstOfLine(y.data());
    for (int64_t r = 0; r < kRows; ++r) to[r] = first + r * panel;
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
                         .high = kMost,
                         .weights_are_near = weights_are_near,
                         .next = x.data(),
                         .next_lines = streams ? 5 : 0,
                         .streams = streams});
    Tiles()->settle();
    return {first, first + kRows * panel};
  }

  // What is streamed is whole lines.
  static float* FirstOfLine(float* memory) {
    const auto address = reinterpret_cast<uintptr_t>(memory);
    return memory + (64 - address % 64) % 64 / sizeof(float);
  }

  const int64_t panel = Tiles()->panel;
  bool weights_are_near = false;
  std::vector<float> x, weights, y;
};

TEST_CASE("A sum of very many products is true to seven digits") {
  if (Tiles() == nullptr) {
    std::cout << "SKIPPED: no tiles for this processor\n";
    return;
  }
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
  if (Tiles() == nullptr) {
    std::cout << "SKIPPED: no tiles for this processor\n";
    return;
  }
  Sums sums;
  const std::vector<float> one = sums.Run(1, sums.panel);

  CHECK(sums.Run(3, sums.panel) == one);
  CHECK(sums.Run(9, sums.panel) == one);
  CHECK(sums.Run(kProducts / 96, sums.panel) == one);
  CHECK(sums.Run(9, sums.panel / 2) == one);
}

TEST_CASE("What is near and what goes past the caches are the same bits") {
  if (Tiles() == nullptr) {
    std::cout << "SKIPPED: no tiles for this processor\n";
    return;
  }
  Sums sums;
  const std::vector<float> stored = sums.Run(9, sums.panel);
  std::fill(sums.y.begin(), sums.y.end(), 0.0f);

  CHECK(sums.Run(9, sums.panel, /*streams=*/true) == stored);
  sums.weights_are_near = true;
  CHECK(sums.Run(9, sums.panel) == stored);
}

// Tiles of so many products each, over panels side by side.
struct Panels {
  Panels(const TileSet& tiles, int64_t depth, int64_t channels)
      : tiles(tiles),
        depth(depth),
        channels(channels),
        width((channels + tiles.panel - 1) / tiles.panel * tiles.panel),
        x(Numbers(kTaps * depth + tiles.rows_max)),
        weights(Numbers(kTaps * depth * width)),
        bias(Numbers(width)),
        residual(Numbers(tiles.rows_max * width)) {}

  static std::vector<float> Numbers(int64_t count) {
    std::vector<float> numbers(count);
    for (int64_t i = 0; i < count; ++i) {
      numbers[i] = static_cast<float>(i * 37 % 101) * 0.02f - 1;
    }
    return numbers;
  }

  // From `first` on.
  void Run(int64_t rows, int64_t first, int64_t count, bool weights_are_near,
           std::vector<float>& y) const {
    std::vector<const float*> from, added;
    std::vector<float*> to;
    for (int64_t i = 0; i < kTaps * rows; ++i) {
      from.push_back(x.data() + i / rows * depth + i % rows);
    }
    for (int64_t r = 0; r < rows; ++r) {
      added.push_back(residual.data() + r * width + first);
      to.push_back(y.data() + r * width + first);
    }
    tiles.Run(rows, {.x = from.data(),
                     .taps = kTaps,
                     .depth = depth,
                     .weights = weights.data() + first * kTaps * depth,
                     .weights_step = tiles.panel,
                     .bias = bias.data() + first,
                     .residual = added.data(),
                     .y = to.data(),
                     .channels = count,
                     .low = -2,
                     .high = 3,
                     .weights_are_near = weights_are_near});
  }

  static constexpr int64_t kTaps = 2;
  const TileSet& tiles;
  int64_t depth, channels, width;
  std::vector<float> x, weights, bias, residual;
};

TEST_CASE("Panels that meet a tile together are the bits of each by itself") {
  if (Tiles() == nullptr) {
    std::cout << "SKIPPED: no tiles for this processor\n";
    return;
  }
  const TileSet& tiles = *Tiles();
  const int64_t rest = GENERATE(0, 1, 3, 8);
  const int64_t depth = GENERATE(1, 27, 128, 129, 300);  // 256 make a run.
  const Panels panels(tiles, depth, 3 * tiles.panel + rest);
  for (int64_t rows = 1; rows <= tiles.rows_max; ++rows) {
    INFO(rest << " channels more, " << depth << " inputs, " << rows << " rows");
    std::vector<float> alone(tiles.rows_max * panels.width);
    for (int64_t c = 0; c < panels.channels; c += tiles.panel) {
      panels.Run(rows, c, std::min(tiles.panel, panels.channels - c), false,
                 alone);
    }
    for (const bool is_near : {false, true}) {
      std::vector<float> together(alone.size());
      panels.Run(rows, 0, panels.channels, is_near, together);
      CHECK(together == alone);
    }
  }
}

// Of the panel from `channel` on: one slice after another, of so many runs,
// each of which asks for `next_step` bytes by the product.
void RunSlices(const Panels& panels, int64_t rows, int64_t channel,
               int64_t runs, int64_t next_step, std::vector<float>& y) {
  const int64_t products = Panels::kTaps * panels.depth;
  std::vector<const float*> from, added;
  std::vector<float*> to;
  for (int64_t i = 0; i < Panels::kTaps * rows; ++i) {
    from.push_back(panels.x.data() + i / rows * panels.depth + i % rows);
  }
  for (int64_t r = 0; r < rows; ++r) {
    added.push_back(panels.residual.data() + r * panels.width);
    to.push_back(y.data() + r * panels.width);
  }
  std::vector<float> sums(rows * panels.tiles.panel, -7);
  for (int64_t p = 0; p < products; p += runs * TileSet::kRun) {
    const int64_t count = std::min(runs * TileSet::kRun, products - p);
    const Tile tile = {.x = from.data() + p / panels.depth * rows,
                       .taps = Panels::kTaps,
                       .depth = panels.depth,
                       .weights = nullptr,
                       .weights_step = panels.tiles.panel,
                       .bias = panels.bias.data(),
                       .residual = added.data(),
                       .y = to.data(),
                       .channels = panels.channels,
                       .low = -2,
                       .high = 3};
    const float* const weights =
        panels.weights.data() + channel * products + p * panels.tiles.panel;
    panels.tiles.slice[rows - 1]({.tile = tile,
                                  .first_input = p % panels.depth,
                                  .products = count,
                                  .channel = channel,
                                  .weights = weights,
                                  .sums = sums.data(),
                                  .is_first = p == 0,
                                  .is_last = p + count == products,
                                  .next = weights,
                                  .next_step = next_step});
  }
}

TEST_CASE("A tile slice by slice is the bits of the tile by itself") {
  if (Tiles() == nullptr || Tiles()->slice == nullptr) {
    std::cout << "SKIPPED: no slices for this processor\n";
    return;
  }
  const TileSet& tiles = *Tiles();
  const int64_t depth = GENERATE(1, 100, 128, 150, 384, 700);
  const int64_t runs = GENERATE(1, 2, 3);
  const int64_t next_step = GENERATE(7, 64);
  const Panels panels(tiles, depth, 2 * tiles.panel);
  for (int64_t rows = 1; rows <= tiles.rows_max; ++rows) {
    INFO(depth << " inputs, " << runs << " runs, " << rows << " rows");
    std::vector<float> alone(tiles.rows_max * panels.width);
    panels.Run(rows, 0, panels.channels, false, alone);
    std::vector<float> sliced(alone.size());
    for (int64_t c = 0; c < panels.channels; c += tiles.panel) {
      RunSlices(panels, rows, c, runs, next_step, sliced);
    }
    CHECK(sliced == alone);
  }
}

TEST_CASE("A tile that threads share is the bits of a tile of one") {
  if (Tiles() == nullptr) {
    std::cout << "SKIPPED: no tiles for this processor\n";
    return;
  }
  const TileSet& tiles = *Tiles();
  const int64_t channels = GENERATE_COPY(int64_t{3}, tiles.panel / 2,
                                         tiles.panel, 2 * tiles.panel + 1);
  const int64_t depth = GENERATE(257, 512, 1000);
  const bool adds = GENERATE(false, true);
  const std::vector<float> x = Panels::Numbers(depth + tiles.rows_max);
  const std::vector<float> weights =
      Panels::Numbers(depth * (channels + tiles.panel));
  const std::vector<float> added = Panels::Numbers(channels);
  // On the heap: with detect_stack_use_after_return GCC 12 aligns a frame to 32
  // bytes at most.
  const auto team = std::make_unique<Team>(2);
  for (int64_t rows = 1; rows <= tiles.rows_max; ++rows) {
    INFO(channels << " channels, " << depth << " inputs, " << rows << " rows");
    std::vector<float> alone(rows * channels), shared(rows * channels);
    std::vector<const float*> from, residual(rows, added.data());
    std::vector<float*> to;
    for (int64_t r = 0; r < rows; ++r) {
      from.push_back(x.data() + r);
      to.push_back(alone.data() + r * channels);
    }
    const Tile tile = {.x = from.data(),
                       .taps = 1,
                       .depth = depth,
                       .weights = weights.data(),
                       .weights_step = tiles.panel,
                       .bias = adds ? added.data() : nullptr,
                       .residual = adds ? residual.data() : nullptr,
                       .y = to.data(),
                       .channels = channels,
                       .low = -2,
                       .high = 3};
    tiles.Run(rows, tile);
    for (int64_t r = 0; r < rows; ++r) to[r] = shared.data() + r * channels;
    std::vector<float> sums(SharedTileBytes(rows, depth, channels) / 4);

    const ThreadsScope threads(2, team.get());
    RunSharedTile(tiles, rows, tile, 1 << 20, sums.data());

    CHECK(shared == alone);
  }
}

// A panel of random narrow weights, and what DecodeRows makes of them.
struct Panel {
  Panel(const TileSet& tiles, NarrowWeights::Type type, int64_t channels)
      : width(tiles.panel), scales(channels) {
    uint32_t state = 11;
    for (uint16_t& bits : stored) {
      state = state * 1664525u + 1013904223u;
      bits = state >> 17 & ~0x4000u;  // A half of less than two, never a NaN.
    }
    for (int64_t c = 0; c < channels; ++c) scales[c] = 0.01f + 0.003f * c;
    const DecodeRows& plain = *AllDecodeRows().back();
    const int64_t count = kDepth * width;
    std::vector<float> padded = scales;
    padded.resize(width);
    if (type == NarrowWeights::Type::kF16) {
      plain.half(stored.data(), decoded.data(), count);
    } else if (type == NarrowWeights::Type::kBF16) {
      plain.bfloat16(stored.data(), decoded.data(), count);
    } else {
      plain.scaled_int8(reinterpret_cast<const int8_t*>(stored.data()),
                        decoded.data(), kDepth, width, padded.data());
    }
  }

  static constexpr int64_t kDepth = 300;  // More than a run.
  int64_t width;
  std::vector<float> scales;
  std::vector<uint16_t> stored = std::vector<uint16_t>(kDepth * 32);
  std::vector<float> decoded = std::vector<float>(kDepth * 32);
};

// What a tile of `rows` says of a panel.
std::vector<float> Multiplied(const TileSet& tiles, const Panel& panel,
                              int64_t rows, int64_t channels,
                              const float* weights,
                              const NarrowWeights* narrow) {
  std::vector<float> x(rows + Panel::kDepth), y(rows * panel.width);
  for (size_t i = 0; i < x.size(); ++i) x[i] = 0.3f * (i % 17) - 2;
  std::vector<const float*> from;
  std::vector<float*> to;
  for (int64_t r = 0; r < rows; ++r) {
    from.push_back(x.data() + r);
    to.push_back(y.data() + r * panel.width);
  }
  tiles.Run(rows, {.x = from.data(),
                   .taps = 1,
                   .depth = Panel::kDepth,
                   .weights = weights,
                   .weights_step = panel.width,
                   .bias = nullptr,
                   .residual = nullptr,
                   .y = to.data(),
                   .channels = channels,
                   .low = -1e30f,
                   .high = 1e30f,
                   .narrow = narrow});
  return y;
}

TEST_CASE("The first tile decodes a panel to the bits of decoding by itself") {
  std::vector<const TileSet*> sets;
  if (Tiles() != nullptr) {
    sets.push_back(Tiles());
    if (Avx2Tiles() != nullptr) sets.push_back(Avx2Tiles());
  }
  using Type = NarrowWeights::Type;
  for (const TileSet* tiles : sets) {
    for (const Type type : {Type::kF16, Type::kBF16, Type::kI8}) {
      for (const int64_t channels :
           {tiles->panel, tiles->panel / 2, tiles->panel - 3, int64_t{1}}) {
        const Panel panel(*tiles, type, channels);
        for (int64_t rows = 1; rows <= tiles->rows_max; ++rows) {
          INFO(tiles->name << ", type " << static_cast<int>(type) << ", "
                           << channels << " channels, " << rows << " rows");
          std::vector<float> left(panel.decoded.size());
          const NarrowWeights narrow = {
              type, panel.stored.data(),
              type == Type::kI8 ? panel.scales.data() : nullptr, left.data(),
              tiles->panel};
          std::vector<float> row(panel.width);
          NarrowWeights unkept = narrow;
          unkept.to = row.data();
          unkept.to_step = 0;

          const auto y =
              Multiplied(*tiles, panel, rows, channels, left.data(), &narrow);

          CHECK(y == Multiplied(*tiles, panel, rows, channels,
                                panel.decoded.data(), nullptr));
          CHECK(y == Multiplied(*tiles, panel, rows, channels, left.data(),
                                nullptr));
          CHECK(y ==
                Multiplied(*tiles, panel, rows, channels, nullptr, &unkept));
        }
      }
    }
  }
}

}  // namespace
}  // namespace layerd::cpu
