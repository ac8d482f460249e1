#include "kernels/cpu/tile_windows.h"

#include "kernels/cpu/staging.h"

namespace layerd::cpu {
namespace {

// What a window sees of the padding. Hardly any layer has more inputs in reach
// of it.
constexpr int64_t kZerosMax = 16 << 10;
alignas(64) constexpr float kZeros[kZerosMax] = {};

// Windows of so few inputs are copied together where they reach the padding:
// a tap of three inputs costs more to set up than to multiply.
constexpr int64_t kFewInputs = 16;

int64_t BeginOf(const WindowSpan& span, int64_t place) {
  return (span.first + place) * span.stride - span.pad;
}

// Of the windows of all places from `first` to `last`.
bool IsInside(const WindowSpan& span, int64_t first, int64_t last) {
  return BeginOf(span, first) >= 0 &&
         BeginOf(span, last) + (span.kernel - 1) * span.dilation < span.inputs;
}

bool IsPadded(const WindowSpan& span) {
  return !IsInside(span, 0, span.count - 1);
}

// Padding lies before the first pixel: such a place is never read.
PixelPlace FirstOf(const TiledLayer& layer) {
  const PixelPlace& x = layer.x;
  return {.offset = x.offset + BeginOf(layer.rows, 0) * x.row +
                    BeginOf(layer.columns, 0) * x.column,
          .image = x.image,
          .row = layer.rows.stride * x.row,
          .column = layer.columns.stride * x.column};
}

}  // namespace

bool TileWindows::Fit(const TiledLayer& layer) {
  const int64_t taps = layer.rows.kernel * layer.columns.kernel;
  if (layer.rows.kernel > kTapsMax) return false;
  return layer.inputs <= kFewInputs ||
         (taps <= kTapsMax && (taps == 1 || layer.inputs <= kZerosMax));
}

bool TileWindows::Gathers(const TiledLayer& layer) {
  const int64_t taps = layer.rows.kernel * layer.columns.kernel;
  return layer.inputs <= kFewInputs &&
         (IsPadded(layer.rows) || IsPadded(layer.columns) || taps > kTapsMax);
}

TileWindows::TileWindows(const TiledLayer& layer)
    : layer_(layer),
      first_(FirstOf(layer)),
      taps_(layer.rows.kernel * layer.columns.kernel),
      has_padding_(IsPadded(layer.rows) || IsPadded(layer.columns)),
      joins_columns_(layer.columns.dilation == 1 &&
                     layer.x.column == layer.inputs),
      gathers_(Gathers(layer)),
      scratch_bytes_(gathers_ ? BytesOf({kRowsMax, taps_, layer.inputs}) : 0),
      more_zeros_(has_padding_ && layer.inputs > kZerosMax ? layer.inputs : 0) {
}

OutputPlace TileWindows::PlaceOf(int64_t pixel) const {
  const int64_t columns = layer_.columns.count;
  const int64_t row = pixel / columns;
  return {row / layer_.rows.count, row % layer_.rows.count, pixel % columns};
}

bool TileWindows::AreInside(const OutputPlace& start, int64_t count) const {
  for (OutputPlace place = start; count > 0; place = FirstOfNextRow(place)) {
    const int64_t run = std::min(count, layer_.columns.count - place.column);
    if (!IsInside(layer_.rows, place.row, place.row) ||
        !IsInside(layer_.columns, place.column, place.column + run - 1)) {
      return false;
    }
    count -= run;
  }
  return true;
}

void TileWindows::Reach(const float* x, const OutputPlace& start, int64_t count,
                        float* scratch, Addresses& to, Tile& tile) const {
  First first;
  Walk(first_, x, start, count, first.data());
  const bool inside = !has_padding_ || AreInside(start, count);
  if (inside && (joins_columns_ || !gathers_)) {
    const int64_t across = joins_columns_ ? 1 : layer_.columns.kernel;
    tile.taps = layer_.rows.kernel * across;
    tile.depth = taps_ * layer_.inputs / tile.taps;
    return ReachInside(first, count, across, to.data());
  }
  std::array<OutputPlace, kRowsMax> memory;
  const Places places = PlacesFrom(start, count, memory);
  if (gathers_) return ReachGathered(x, first, places, scratch, to, tile);
  ReachPadded(first, places, to.data());
}

void TileWindows::ReachTaps(const float* x, const OutputPlace& start,
                            int64_t count, const float** to) const {
  First first;
  Walk(first_, x, start, count, first.data());
  if (!has_padding_ || AreInside(start, count)) {
    return ReachInside(first, count, layer_.columns.kernel, to);
  }
  std::array<OutputPlace, kRowsMax> memory;
  ReachPadded(first, PlacesFrom(start, count, memory), to);
}

TileWindows::Places TileWindows::PlacesFrom(
    const OutputPlace& start, int64_t count,
    std::array<OutputPlace, kRowsMax>& to) const {
  to[0] = start;
  for (int64_t r = 1; r < count; ++r) {
    to[r] = to[r - 1];
    if (++to[r].column < layer_.columns.count) continue;
    to[r] = FirstOfNextRow(to[r]);
  }
  return {to.data(), static_cast<size_t>(count)};
}

// With one column of taps, or with all.
void TileWindows::ReachInside(const First& first, int64_t count, int64_t across,
                              const float** next) const {
  for (int64_t i = 0; i < layer_.rows.kernel; ++i) {
    for (int64_t j = 0; j < across; ++j, next += count) {
      const int64_t step = i * layer_.rows.dilation * layer_.x.row +
                           j * layer_.columns.dilation * layer_.x.column;
      for (int64_t r = 0; r < count; ++r) next[r] = first[r] + step;
    }
  }
}

// Windows that are inside are read where they lie, if each of their rows is one
// run: those at the padding have their rows one after the other.
void TileWindows::ReachGathered(const float* x, const First& first,
                                Places places, float* scratch, Addresses& to,
                                Tile& tile) const {
  tile.taps = joins_columns_ ? layer_.rows.kernel : 1;
  tile.depth = taps_ * layer_.inputs / tile.taps;
  const auto count = static_cast<int64_t>(places.size());
  for (int64_t r = 0; r < count; ++r) {
    const bool lies = joins_columns_ && AreInside(places[r], 1);
    float* const gathered = scratch + r * taps_ * layer_.inputs;
    if (!lies) Gather(x, places[r], gathered);
    const float* const from = lies ? first[r] : gathered;
    const int64_t step =
        lies ? layer_.rows.dilation * layer_.x.row : tile.depth;
    for (int64_t i = 0; i < tile.taps; ++i) to[i * count + r] = from + i * step;
  }
}

// Some taps see zeros.
void TileWindows::ReachPadded(const First& first, Places places,
                              const float** next) const {
  const WindowSpan& rows = layer_.rows;
  const WindowSpan& columns = layer_.columns;
  const size_t count = places.size();
  const float* const zeros = more_zeros_.empty() ? kZeros : more_zeros_.data();
  int64_t first_row[kRowsMax], first_column[kRowsMax];
  for (size_t r = 0; r < count; ++r) {
    first_row[r] = BeginOf(rows, places[r].row);
    first_column[r] = BeginOf(columns, places[r].column);
  }
  for (int64_t i = 0; i < rows.kernel; ++i) {
    const int64_t down = i * rows.dilation;
    for (int64_t j = 0; j < columns.kernel; ++j, next += count) {
      const int64_t right = j * columns.dilation;
      const int64_t step = down * layer_.x.row + right * layer_.x.column;
      for (size_t r = 0; r < count; ++r) {
        const bool seen = static_cast<uint64_t>(first_row[r] + down) <
                              static_cast<uint64_t>(rows.inputs) &&
                          static_cast<uint64_t>(first_column[r] + right) <
                              static_cast<uint64_t>(columns.inputs);
        next[r] = seen ? first[r] + step : zeros;
      }
    }
  }
}

void TileWindows::Gather(const float* x, const OutputPlace& place,
                         float* to) const {
  const WindowSpan& rows = layer_.rows;
  const WindowSpan& columns = layer_.columns;
  const int64_t first_row = BeginOf(rows, place.row);
  const int64_t first_column = BeginOf(columns, place.column);
  const float* const image = x + layer_.x.offset + place.image * layer_.x.image;
  // What is seen of the columns, where they are one run.
  const int64_t inputs = layer_.inputs;
  const int64_t skipped = std::clamp<int64_t>(-first_column, 0, columns.kernel);
  const int64_t end = std::clamp<int64_t>(columns.inputs - first_column,
                                          skipped, columns.kernel);
  std::fill(to, to + taps_ * inputs, 0.0f);
  for (int64_t i = 0; i < rows.kernel; ++i, to += columns.kernel * inputs) {
    const int64_t row = first_row + i * rows.dilation;
    if (row < 0 || row >= rows.inputs) continue;
    const float* const from = image + row * layer_.x.row;
    if (joins_columns_) {
      const float* const run = from + first_column * inputs;
      for (int64_t c = skipped * inputs; c < end * inputs; ++c) to[c] = run[c];
      continue;
    }
    for (int64_t j = 0; j < columns.kernel; ++j) {
      const int64_t column = first_column + j * columns.dilation;
      if (column < 0 || column >= columns.inputs) continue;
      const float* const pixel = from + column * layer_.x.column;
      for (int64_t c = 0; c < inputs; ++c) to[j * inputs + c] = pixel[c];
    }
  }
}

}  // namespace layerd::cpu
