#ifndef LAYERD_KERNELS_CPU_TILE_WINDOWS_H_
#define LAYERD_KERNELS_CPU_TILE_WINDOWS_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/cpu/tile.h"
#include "kernels/cpu/tiled_layer.h"

namespace layerd::cpu {

// Of the output, from the part's first.
struct OutputPlace {
  int64_t image, row, column;
};

// Where the windows of a tile's places lie, and the places themselves. Most
// tiles have few products beside their addresses: this is on the hot path.
//
// Threading: const calls are safe together, with scratch for each.
class TileWindows {
 public:
  static constexpr int64_t kRowsMax = TileSet::kRowsMax;
  static constexpr int64_t kTapsMax = 128;  // No layer of a network comes near.
  using Addresses = std::array<const float*, kTapsMax * kRowsMax>;

  static bool Fit(const TiledLayer& layer);
  // Whether windows of it are copied.
  static bool Gathers(const TiledLayer& layer);

  // REQUIRES: Fit(layer).
  explicit TileWindows(const TiledLayer& layer);

  size_t scratch_bytes() const { return scratch_bytes_; }

  OutputPlace PlaceOf(int64_t pixel) const;
  // So many pixels further on.
  OutputPlace Behind(OutputPlace place, int64_t pixels) const {
    place.column += pixels;
    while (place.column >= layer_.columns.count) {
      const int64_t column = place.column - layer_.columns.count;
      place = FirstOfNextRow(place);
      place.column = column;
    }
    return place;
  }

  // Addresses of `count` places, from `start` on.
  template <typename Float>
  void Walk(const PixelPlace& places, Float* memory, const OutputPlace& start,
            int64_t count, Float** to) const;

  // Fills in taps and depth of the tile, and what its x are.
  void Reach(const float* x, const OutputPlace& start, int64_t count,
             float* scratch, Addresses& to, Tile& tile) const;

  // As Reach(), tap by tap wherever the windows lie.
  // REQUIRES: the layer does not gather.
  void ReachTaps(const float* x, const OutputPlace& start, int64_t count,
                 const float** to) const;

 private:
  using First = std::array<const float*, kRowsMax>;  // Of each place's window.
  using Places = std::span<const OutputPlace>;

  OutputPlace FirstOfNextRow(OutputPlace place) const {
    place.column = 0;
    if (++place.row < layer_.rows.count) return place;
    return {place.image + 1, 0, 0};
  }
  bool AreInside(const OutputPlace& start, int64_t count) const;
  void ReachInside(const First& first, int64_t count, int64_t across,
                   const float** to) const;
  void ReachGathered(const float* x, const First& first, Places places,
                     float* scratch, Addresses& to, Tile& tile) const;
  void ReachPadded(const First& first, Places places, const float** to) const;
  Places PlacesFrom(const OutputPlace& start, int64_t count,
                    std::array<OutputPlace, kRowsMax>& to) const;
  void Gather(const float* x, const OutputPlace& place, float* to) const;

  const TiledLayer layer_;
  const PixelPlace first_;  // By places of the output: where windows begin.
  const int64_t taps_;
  const bool has_padding_;
  const bool joins_columns_;  // The columns of a window are one run of floats.
  const bool gathers_;
  const size_t scratch_bytes_;
  const std::vector<float> more_zeros_;  // What the padding is; mostly none.
};

template <typename Float>
void TileWindows::Walk(const PixelPlace& places, Float* memory,
                       const OutputPlace& start, int64_t count,
                       Float** to) const {
  for (OutputPlace place = start; count > 0; place = FirstOfNextRow(place)) {
    const int64_t run = std::min(count, layer_.columns.count - place.column);
    Float* at = memory + places.offset + place.image * places.image +
                place.row * places.row + place.column * places.column;
    for (int64_t r = 0; r < run; ++r, at += places.column) *to++ = at;
    count -= run;
  }
}

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_TILE_WINDOWS_H_
