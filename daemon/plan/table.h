#ifndef LAYERD_DAEMON_PLAN_TABLE_H_
#define LAYERD_DAEMON_PLAN_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "daemon/plan/program.h"

namespace layerd {

// A turn of a lookup asks for so many tiles, or for those of a row: one that
// reads more waits for the drive anyway.
inline constexpr size_t kTableReadsOfTurn = 256;

// A constant that a part gathers rows from by number, as it lies in its extent:
// rows one after the other, without gaps, so that a row may begin anywhere in a
// tile.
//
//     tile |   0   |   1   |   2   |   3   |      a row of 1536 B lies in 1 or
//     2 row  |0 |1 |2 |3 |4 |5 |6 |7 |8 |9 |
struct Table {
  uint32_t extent = 0;
  uint64_t offset_bytes = 0;  // Of row 0, in the extent.
  uint64_t row_bytes = 0;
  int64_t rows = 0;
  uint64_t tile_bytes = 0;
  uint64_t stored_bytes = 0;  // Of the extent.

  uint64_t tile_count() const {
    return (stored_bytes + tile_bytes - 1) / tile_bytes;
  }
  // The tiles that a row lies in, counted from the extent's first.
  uint64_t FirstTileOf(int64_t row) const {
    return (offset_bytes + row * row_bytes) / tile_bytes;
  }
  uint64_t LastTileOf(int64_t row) const {
    return (offset_bytes + (row + 1) * row_bytes - 1) / tile_bytes;
  }
  // Of the row that lies in the most tiles.
  uint64_t tiles_per_row_max() const;
};

// REQUIRES: part.table; `program` is sound.
Table TableOf(const Program& program, const Part& part);

// How much memory the tiles of a table may have: the least that any row can be
// looked up with, as much as one job asks for at most (within reason), and all.
struct TableDemand {
  uint32_t extent = 0;
  uint64_t tile_bytes = 0;
  uint64_t least_bytes = 0, useful_bytes = 0, all_bytes = 0;  // Whole tiles.
};

// One for each table of the program, in the order of extents.
std::vector<TableDemand> TableDemands(const Program& program);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_TABLE_H_
