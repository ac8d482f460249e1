#ifndef LAYERD_KERNELS_CPU_TILE_LOOPS_H_
#define LAYERD_KERNELS_CPU_TILE_LOOPS_H_

#include <cstdint>
#include <type_traits>
#include <utility>

#include "kernels/cpu/tile.h"

namespace layerd::cpu {

// Weights as they are stored.
struct StoredHalf {
  uint16_t bits;
};
struct StoredBFloat16 {
  uint16_t bits;
};

// The loops behind tile.h, for one instruction set each. Only the sources
// that are compiled for it include this: nothing in here is the library's, so
// no code for a newer processor can leak to where an older one runs.
//
// `Weights` are float, or what NarrowWeights has: Isa::Widen() reads a vector
// of them.
template <typename Isa, int kRows, int kVectors, typename Weights = float>
class TileLoops {
 public:
  static void Run(const Tile& tile) {
    if (!IsShort(tile)) return RunFrom(tile, 0);
    const int64_t whole = tile.channels / kPanel * kPanel;
    RunShort(tile, whole);
    if (whole < tile.channels) RunFrom(tile, whole);
  }

  static void RunSlice(const TileSlice& slice) {
    const Tile& tile = slice.tile;
    auto& sums = *reinterpret_cast<SumsInMemory*>(slice.sums);
    Vector sum[kRows][kVectors] = {};
    if (slice.is_last) Announce(tile, slice.channel);
    if (slice.is_first) StartAll(tile, slice.channel, sum);
    const bool has_runs = MultiplySlice(slice, sums, sum);
    if (!slice.is_last) return EndRun(has_runs, sum, sums);
    if (has_runs) AddRuns(sums, sum);
    tile.streams ? StoreAll<Isa::kStreams>(tile, slice.channel, sum)
                 : StoreAll<false>(tile, slice.channel, sum);
  }

 private:
  static constexpr int64_t kLineFloats = 16;
  static constexpr int64_t kLineBytes = 64;
  static constexpr int64_t kRun = TileSet::kRun;
  using Vector = typename Isa::Vector;
  using Sums = Vector[kRows][kVectors];
  using SumsInMemory = float[kRows][kVectors * Isa::kLanes];

  struct Unaligned {
    Vector value;
  } __attribute__((packed, may_alias));

  static Vector Load(const float* from) {
    return reinterpret_cast<const Unaligned*>(from)->value;
  }
  static void Put(float* to, const Vector& value) {
    reinterpret_cast<Unaligned*>(to)->value = value;
  }

  static constexpr int64_t kPanel = kVectors * Isa::kLanes;
  static constexpr bool kIsWhole = kVectors == Isa::kPanelVectors;

  // Of few products beginning and end are what takes time, so there is a way
  // for them that knows nothing of runs, of weights that are far and of panels
  // that are not whole.
  static bool IsShort(const Tile& tile) {
    return !WeightRows::kIsNarrow && tile.weights_are_near && !tile.streams &&
           tile.taps * tile.depth <= kRun;
  }

  static inline __attribute__((always_inline)) void RunShort(const Tile& tile,
                                                             int64_t end) {
    WeightRows weights(tile);
    for (int64_t channel = 0; channel < end; channel += kPanel) {
      Vector sum[kRows][kVectors];
      Announce(tile, channel);
      StartAll(tile, channel, sum);
      const float* const* x = tile.x;
      for (int64_t tap = 0; tap < tile.taps; ++tap, x += kRows) {
        const float* row[kRows];
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r) row[r] = x[r];
        MultiplyRun<false>(row, 0, tile.depth, weights, sum);
      }
      StoreAll<false>(tile, channel, sum);
    }
  }

  static __attribute__((noinline)) void RunFrom(const Tile& tile,
                                                int64_t channel) {
    WeightRows weights(tile);
    weights.Skip(channel / kPanel * tile.taps * tile.depth);
    for (; channel < tile.channels; channel += kPanel) {
      Vector sum[kRows][kVectors];
      Announce(tile, channel);
      const bool is_whole = channel + kPanel <= tile.channels;
      is_whole ? StartAll(tile, channel, sum) : StartSome(tile, channel, sum);
      Multiply(tile, channel == 0 ? tile.next_lines : 0, weights, sum);
      if (!is_whole) return StoreSome(tile, channel, sum);
      tile.streams ? StoreAll<Isa::kStreams>(tile, channel, sum)
                   : StoreAll<false>(tile, channel, sum);
    }
  }

  // Row by row. Narrow ones are left where later tiles find them.
  class WeightRows {
   public:
    explicit WeightRows(const Tile& tile)
        : step_(kIsWhole ? kPanel : tile.weights_step) {
      if constexpr (kIsNarrow) {
        stored_ = static_cast<const Weights*>(tile.narrow->from);
        to_ = tile.narrow->to;
        to_step_ = tile.narrow->to_step;
      } else {
        stored_ = tile.weights;
      }
      if constexpr (kIsScaled) CopyScales(tile);
    }

    explicit WeightRows(const float* weights)
        : step_(kPanel), stored_(weights) {}

    inline __attribute__((always_inline)) Vector At(int v) const {
      if constexpr (kIsNarrow) {
        Vector wide = Isa::Widen(stored_ + v * Isa::kLanes);
        if constexpr (kIsScaled) wide *= Load(scales_ + v * Isa::kLanes);
        Put(to_ + v * Isa::kLanes, wide);
        return wide;
      } else {
        return Load(stored_ + v * Isa::kLanes);
      }
    }
    // Weights come from memory the first time, in order, panel after panel. A
    // processor that follows a stream by itself stops at the end of each page.
    inline __attribute__((always_inline)) void AskAhead() const {
      for (int64_t i = 0; i < kVectors * Isa::kLanes; i += kLine) {
        __builtin_prefetch(stored_ + kAhead + i, 0, 2);
      }
    }
    inline __attribute__((always_inline)) void Next() {
      stored_ += step_;
      if constexpr (kIsNarrow) to_ += to_step_;
    }

    // So many rows. What is narrow begins at the first.
    void Skip(int64_t rows) { stored_ += rows * step_; }

    static constexpr bool kIsNarrow = !std::is_same_v<Weights, float>;

   private:
    static constexpr bool kIsScaled = std::is_same_v<Weights, int8_t>;
    static constexpr int64_t kLine = 64 / sizeof(Weights);
    static constexpr int64_t kAhead = 4096;  // Some 500 ns of multiplying.

    // Channels that only pad have no scale; all they store is zero.
    void CopyScales(const Tile& tile) {
      for (int64_t c = 0; c < kVectors * Isa::kLanes; ++c) {
        scales_[c] = c < tile.channels ? tile.narrow->scales[c] : 0.0f;
      }
    }

    const int64_t step_;
    const Weights* stored_;
    float* to_ = nullptr;
    int64_t to_step_ = 0;
    float scales_[kIsScaled ? kVectors * Isa::kLanes : 1];
  };

  // What is read and written at the end is on its way while we multiply. Tiles
  // of few products are many: no step here is one too many.
  static inline __attribute__((always_inline)) void Announce(const Tile& tile,
                                                             int64_t channel) {
    if (!Isa::kStreams || !tile.streams) {
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) AnnounceRow<1>(tile.y[r] + channel);
    }
    if (tile.residual != nullptr) {
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        AnnounceRow<0>(tile.residual[r] + channel);
      }
    }
  }
  template <int kWrites>
  static inline __attribute__((always_inline)) void AnnounceRow(
      const float* row) {
    for (int64_t c = 0; c < kVectors * Isa::kLanes; c += kLineFloats) {
      __builtin_prefetch(row + c, kWrites);
    }
  }

  static inline __attribute__((always_inline)) void StartAll(const Tile& tile,
                                                             int64_t channel,
                                                             Sums& sum) {
    Vector first[kVectors] = {};
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      if (tile.bias == nullptr) break;
      first[v] = Load(tile.bias + channel + v * Isa::kLanes);
    }
    Start(first, sum);
  }
  static inline __attribute__((always_inline)) void StartSome(
      const Tile& tile, int64_t first_channel, Sums& sum) {
    Vector first[kVectors] = {};
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      const int64_t channel = first_channel + v * Isa::kLanes;
      const int64_t rest = tile.channels - channel;
      if (tile.bias == nullptr || rest <= 0) break;
      first[v] = LoadSome(tile.bias + channel,
                          rest < Isa::kLanes ? rest : Isa::kLanes);
    }
    Start(first, sum);
  }
  static inline __attribute__((always_inline)) void Start(
      const Vector (&first)[kVectors], Sums& sum) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sum[r][v] = first[v];
    }
  }

  // Sums of more than kRun products are sums of sums: what is added to is
  // smaller, and so is what rounding loses. Runs end where the count says so,
  // however it is divided among taps.
  static inline __attribute__((always_inline)) void Multiply(
      const Tile& tile, int64_t next_lines, WeightRows& weights, Sums& sum) {
    const float* const* x = tile.x;
    int64_t products = tile.taps * tile.depth;
    int64_t left = kRun;  // Of the run.
    alignas(64) float all[kRows][kVectors * Isa::kLanes];
    bool has_runs = false;
    const float* next = tile.next;
    const bool asks = WeightRows::kIsNarrow || !tile.weights_are_near;
    for (int64_t tap = 0; tap < tile.taps; ++tap, x += kRows) {
      const float* row[kRows];
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) row[r] = x[r];
      for (int64_t i = 0; i < next_lines; ++i, next += kLineFloats) {
        __builtin_prefetch(next, 0, 2);
      }
      for (int64_t d = 0; d < tile.depth;) {
        const int64_t rest = tile.depth - d;
        const int64_t count = rest < left ? rest : left;
        asks ? MultiplyRun<true>(row, d, count, weights, sum)
             : MultiplyRun<false>(row, d, count, weights, sum);
        d += count;
        left -= count;
        products -= count;
        if (left > 0 || products == 0) continue;
        EndRun(has_runs, sum, all);
        has_runs = true;
        left = kRun;
      }
    }
    if (has_runs) AddRuns(all, sum);
  }

  template <bool kAsks>
  static inline __attribute__((always_inline)) void MultiplyRun(
      const float* const (&row)[kRows], int64_t first, int64_t count,
      WeightRows& weights, Sums& sum) {
#pragma GCC unroll 2
    for (int64_t d = first; d < first + count; ++d, weights.Next()) {
      if constexpr (kAsks) weights.AskAhead();
      AddProduct(row, d, weights, sum);
    }
  }

  static inline __attribute__((always_inline)) void AddProduct(
      const float* const (&row)[kRows], int64_t d, const WeightRows& weights,
      Sums& sum) {
    Vector weight[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) weight[v] = weights.At(v);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const float value = row[r][d];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sum[r][v] += weight[v] * value;
    }
  }

  // As Multiply(), but for the end of the last run. Returns whether `sums` has
  // any.
  static inline __attribute__((always_inline)) bool MultiplySlice(
      const TileSlice& slice, SumsInMemory& sums, Sums& sum) {
    const float* const* x = slice.tile.x;
    WeightRows weights(slice.weights);
    const auto* next = reinterpret_cast<const char*>(slice.next);
    int64_t products = slice.products;
    int64_t left = kRun;  // Of the run.
    bool has_runs = !slice.is_first;
    for (int64_t d = slice.first_input;; d = 0, x += kRows) {
      const float* row[kRows];
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) row[r] = x[r];
      while (d < slice.tile.depth) {
        const int64_t rest = slice.tile.depth - d;
        const int64_t most = left < products ? left : products;
        const int64_t count = rest < most ? rest : most;
        MultiplyAsking(row, d, count, slice.next_step, weights, next, sum);
        d += count;
        products -= count;
        if (products == 0) return has_runs;
        left -= count;
        if (left > 0) continue;
        EndRun(has_runs, sum, sums);
        has_runs = true;
        left = kRun;
      }
    }
  }

  // With each product; or some lines at a time, where many tiles share them:
  // another thread on the same core leaves us half of its instructions.
  static inline __attribute__((always_inline)) void MultiplyAsking(
      const float* const (&row)[kRows], int64_t first, int64_t count,
      int64_t next_step, WeightRows& weights, const char*& next, Sums& sum) {
    constexpr int64_t kLinesAtATime = 16;
    const int64_t end = first + count;
    if (next_step > kLinesAtATime) {
#pragma GCC unroll 2
      for (int64_t d = first; d < end; ++d, weights.Next()) {
        __builtin_prefetch(next, 0, 2);
        next += next_step;
        AddProduct(row, d, weights, sum);
      }
      return;
    }
    for (int64_t d = first; d < end; d += kLineBytes) {
      for (int64_t i = 0; i < next_step; ++i, next += kLineBytes) {
        __builtin_prefetch(next, 0, 2);
      }
      const int64_t rest = end - d;
      MultiplyNear(row, d, rest < kLineBytes ? rest : kLineBytes, weights, sum);
    }
  }

  static inline __attribute__((always_inline)) void MultiplyNear(
      const float* const (&row)[kRows], int64_t first, int64_t count,
      WeightRows& weights, Sums& sum) {
#pragma GCC unroll 4
    for (int64_t d = first; d < first + count; ++d, weights.Next()) {
      AddProduct(row, d, weights, sum);
    }
  }

  // The run's sums go to memory, and the next one starts at zero.
  static inline __attribute__((always_inline)) void EndRun(bool has_runs,
                                                           Sums& sum,
                                                           SumsInMemory& all) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        float* const to = all[r] + v * Isa::kLanes;
        if (has_runs) sum[r][v] += Load(to);
        Put(to, sum[r][v]);
        sum[r][v] = Vector{};
      }
    }
  }

// Nobody adds runs before one has ended; GCC does not see that everywhere.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
  static inline __attribute__((always_inline)) void AddRuns(
      const SumsInMemory& all, Sums& sum) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        sum[r][v] += Load(all[r] + v * Isa::kLanes);
      }
    }
  }
#pragma GCC diagnostic pop

  template <bool kStreams>
  static inline __attribute__((always_inline)) void StoreAll(const Tile& tile,
                                                             int64_t channel,
                                                             Sums& sum) {
    tile.residual == nullptr ? Store<kStreams, false>(tile, channel, sum)
                             : Store<kStreams, true>(tile, channel, sum);
  }
  template <bool kStreams, bool kAdds>
  static inline __attribute__((always_inline)) void Store(const Tile& tile,
                                                          int64_t channel,
                                                          Sums& sum) {
    const Vector low = tile.low - Vector{};
    const Vector high = tile.high - Vector{};
    const float* const* const residual = tile.residual;
    float* const* const rows = tile.y;
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const float* const from = kAdds ? residual[r] + channel : nullptr;
      float* const to = rows[r] + channel;
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        Vector y = sum[r][v];
        if constexpr (kAdds) y += Load(from + v * Isa::kLanes);
        y = y < low ? low : y;  // Not a number stays so.
        y = y > high ? high : y;
        kStreams ? Isa::Stream(to + v * Isa::kLanes, y)
                 : Put(to + v * Isa::kLanes, y);
      }
    }
  }

  // As StoreAll(), but nothing behind the last channel is touched.
  static void StoreSome(const Tile& tile, int64_t first_channel, Sums& sum) {
    const Vector low = tile.low - Vector{};
    const Vector high = tile.high - Vector{};
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        const int64_t channel = first_channel + v * Isa::kLanes;
        const int64_t rest = tile.channels - channel;
        if (rest <= 0) break;
        const int64_t count = rest < Isa::kLanes ? rest : Isa::kLanes;
        Vector y = sum[r][v];
        if (tile.residual != nullptr) {
          y += LoadSome(tile.residual[r] + channel, count);
        }
        y = y < low ? low : y;
        y = y > high ? high : y;
        PutSome(tile.y[r] + channel, y, count);
      }
    }
  }

  static Vector LoadSome(const float* from, int64_t count) {
    if (count == Isa::kLanes) return Load(from);
    float all[Isa::kLanes] = {};
    for (int64_t c = 0; c < count; ++c) all[c] = from[c];
    return Load(all);
  }
  static void PutSome(float* to, const Vector& value, int64_t count) {
    if (count == Isa::kLanes) return Put(to, value);
    float all[Isa::kLanes];
    Put(all, value);
    for (int64_t c = 0; c < count; ++c) to[c] = all[c];
  }
};

// TileLoops of 1 row, of 2 and so on, as a TileSet has them.
template <typename Isa, int kVectors, typename Weights, typename Rows>
struct TileTable;
template <typename Isa, int kVectors, typename Weights, int... kRow>
struct TileTable<Isa, kVectors, Weights, std::integer_sequence<int, kRow...>> {
  static constexpr TileFunction kRun[] = {
      TileLoops<Isa, kRow + 1, kVectors, Weights>::Run...};
  static constexpr SliceFunction kSlice[] = {
      TileLoops<Isa, kRow + 1, kVectors, Weights>::RunSlice...};
};

template <typename Isa, int kVectors, typename Rows>
constexpr const SliceFunction* SlicesOf() {
  if constexpr (Isa::kSlices) {
    return TileTable<Isa, kVectors, float, Rows>::kSlice;
  } else {
    return nullptr;
  }
}

template <typename Isa, int kRowsMax>
constexpr TileSet TileSetOf(const char* name, CacheShares caches) {
  using Rows = std::make_integer_sequence<int, kRowsMax>;
  constexpr int kVectors = Isa::kPanelVectors, kHalf = kVectors / 2;
  return {name,
          kRowsMax,
          kVectors * Isa::kLanes,
          caches,
          TileTable<Isa, kVectors, float, Rows>::kRun,
          TileTable<Isa, kHalf, float, Rows>::kRun,
          {TileTable<Isa, kVectors, StoredHalf, Rows>::kRun,
           TileTable<Isa, kVectors, StoredBFloat16, Rows>::kRun,
           TileTable<Isa, kVectors, int8_t, Rows>::kRun},
          {TileTable<Isa, kHalf, StoredHalf, Rows>::kRun,
           TileTable<Isa, kHalf, StoredBFloat16, Rows>::kRun,
           TileTable<Isa, kHalf, int8_t, Rows>::kRun},
          Isa::Settle,
          SlicesOf<Isa, kVectors, Rows>()};
}

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_TILE_LOOPS_H_
