#include "loader/memory/tile_cache.h"

#include <algorithm>

#include "config/check.h"

namespace layerd {

TileCache::TileCache(std::span<std::byte> memory, uint64_t tile_bytes,
                     size_t tile_count)
    : memory_(memory),
      tile_bytes_(tile_bytes),
      places_(std::min<size_t>(memory.size() / tile_bytes, tile_count)),
      place_of_(tile_count, kNone) {
  LAYERD_CHECK(!places_.empty() && tile_count < kNone);
  // The first place is the oldest: neighbours that come first lie together.
  const auto last = static_cast<uint32_t>(places_.size() - 1);
  for (uint32_t place = 0; place <= last; ++place) {
    places_[place].older = place == 0 ? kNone : place - 1;
    places_[place].newer = place == last ? kNone : place + 1;
  }
  oldest_ = 0;
  newest_ = last;
}

std::optional<TileCache::Place> TileCache::Take(uint32_t tile) {
  uint32_t place = place_of_[tile];
  if (place == kNone) {
    place = oldest_;
    Slot& slot = places_[place];
    if (slot.turn == turn_) return std::nullopt;
    if (slot.tile != kNone) place_of_[slot.tile] = kNone;
    place_of_[tile] = place;
    slot.tile = tile;
    slot.arrived = false;
  }
  Slot& slot = places_[place];
  const bool asked = slot.turn == turn_;
  slot.turn = turn_;
  MakeNewest(place);
  return Place{BytesOf(place), !slot.arrived && !asked};
}

void TileCache::Arrived(uint32_t tile) {
  LAYERD_CHECK(place_of_[tile] != kNone);
  places_[place_of_[tile]].arrived = true;
}

std::span<const std::byte> TileCache::bytes(uint32_t tile) const {
  LAYERD_CHECK(place_of_[tile] != kNone && places_[place_of_[tile]].arrived);
  return BytesOf(place_of_[tile]);
}

void TileCache::MakeNewest(uint32_t place) {
  if (place == newest_) return;
  Slot& slot = places_[place];
  places_[slot.newer].older = slot.older;
  if (slot.older != kNone) {
    places_[slot.older].newer = slot.newer;
  } else {
    oldest_ = slot.newer;
  }
  slot.older = newest_;
  slot.newer = kNone;
  places_[newest_].newer = place;
  newest_ = place;
}

}  // namespace layerd
