#ifndef LAYERD_LOADER_MEMORY_TILE_CACHE_H_
#define LAYERD_LOADER_MEMORY_TILE_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace layerd {

// Tiles of one table that are in memory: those that were asked for last.
//
// They are asked for in turns. What a turn asked for stays until the next turn
// begins; a tile that is not there takes the place of the one that was asked
// for longest ago. With a place for every tile nothing is ever given away, and
// each tile is read once.
//
//   cache.BeginTurn();
//   const auto place = cache.Take(tile);  // None: the turn is full.
//   cache.Arrived(tile);                  // If it was missing: read, checked.
//   cache.bytes(tile);
//
// Ownership: `memory` is a range of the slab and outlives the cache.
// Cost:      every call is O(1); nothing is allocated after construction.
// Threading: the executor thread; the loader writes into places that are
//            missing while it is asked to.
class TileCache {
 public:
  // REQUIRES: memory is at least one tile; a tile has whole pages.
  TileCache(std::span<std::byte> memory, uint64_t tile_bytes,
            size_t tile_count);

  void BeginTurn() { ++turn_; }

  struct Place {
    std::span<std::byte> bytes;
    // The tile is neither there nor was it asked for in this turn.
    bool missing = false;
  };
  // Nothing if this turn has asked for as many tiles as there are places.
  // REQUIRES: tile < tile_count.
  std::optional<Place> Take(uint32_t tile);

  // REQUIRES: Take(tile) in this turn.
  void Arrived(uint32_t tile);
  // REQUIRES: the same, and it has arrived.
  std::span<const std::byte> bytes(uint32_t tile) const;

  size_t places() const { return places_.size(); }

 private:
  static constexpr uint32_t kNone = ~uint32_t{0};

  // Linked from the one asked for last to the one asked for longest ago.
  struct Slot {
    uint32_t tile = kNone;
    uint32_t newer = kNone, older = kNone;
    bool arrived = false;
    uint64_t turn = 0;
  };

  void MakeNewest(uint32_t place);
  std::span<std::byte> BytesOf(uint32_t place) const {
    return memory_.subspan(place * tile_bytes_, tile_bytes_);
  }

  const std::span<std::byte> memory_;
  const uint64_t tile_bytes_;
  std::vector<Slot> places_;
  std::vector<uint32_t> place_of_;  // Each tile.
  uint32_t newest_ = kNone, oldest_ = kNone;
  uint64_t turn_ = 1;
};

}  // namespace layerd

#endif  // LAYERD_LOADER_MEMORY_TILE_CACHE_H_
