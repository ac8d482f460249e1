#include "daemon/plan/table.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace layerd {
namespace {

// A cache that serves one job holds no more: its rows then come in turns.
constexpr uint64_t kUsefulBytesMax = 1 << 20;

}  // namespace

uint64_t Table::tiles_per_row_max() const {
  // Rows begin at multiples of this in their tile.
  const uint64_t step = std::gcd(std::gcd(row_bytes, tile_bytes), offset_bytes);
  const uint64_t span_bytes = tile_bytes - step + row_bytes;
  return std::min((span_bytes + tile_bytes - 1) / tile_bytes, tile_count());
}

Table TableOf(const Program& program, const Part& part) {
  const WeightPiece& piece = part.weights[0];
  const Extent& extent = program.extents[*part.table];
  Table table;
  table.extent = *part.table;
  table.offset_bytes = piece.offset_bytes;
  table.rows = piece.layout.shape[0];
  table.row_bytes = piece.layout.bytes() / table.rows;
  table.tile_bytes = extent.tile_bytes;
  table.stored_bytes = extent.stored_bytes;
  return table;
}

std::vector<TableDemand> TableDemands(const Program& program) {
  std::map<uint32_t, TableDemand> demands;
  for (const Part& part : program.parts) {
    if (!part.table) continue;
    const Table table = TableOf(program, part);
    const uint64_t of_row = table.tiles_per_row_max() * table.tile_bytes;
    TableDemand& demand = demands[table.extent];
    demand.extent = table.extent;
    demand.tile_bytes = table.tile_bytes;
    demand.all_bytes = table.tile_count() * table.tile_bytes;
    demand.least_bytes = std::max(demand.least_bytes, of_row);
    const Layer& layer = program.layers[part.layer];
    demand.useful_bytes +=
        of_row * program.tensors[layer.inputs[0]].type.element_count();
  }
  std::vector<TableDemand> in_order;
  for (auto& [extent, demand] : demands) {
    demand.useful_bytes = std::min(demand.useful_bytes, kUsefulBytesMax) /
                          demand.tile_bytes * demand.tile_bytes;
    demand.useful_bytes =
        std::clamp(demand.useful_bytes, demand.least_bytes, demand.all_bytes);
    in_order.push_back(demand);
  }
  return in_order;
}

}  // namespace layerd
