#include "daemon/plan/row_lookup.h"

#include <algorithm>
#include <optional>

#include "daemon/plan/ring_paths.h"
#include "daemon/plan/table.h"

namespace layerd {

RowLookup RowLookupOf(const Program& program, size_t part,
                      uint64_t cache_bytes) {
  const Part& looks_up = program.parts[part];
  const Table table = TableOf(program, looks_up);
  const Layer& layer = program.layers[looks_up.layer];
  const auto rows = static_cast<uint64_t>(
      program.tensors[layer.inputs[0]].type.element_count());
  const uint64_t of_row = table.tiles_per_row_max();
  const uint64_t of_turn =
      std::min<uint64_t>(std::max<uint64_t>(kTableReadsOfTurn, of_row),
                         cache_bytes / table.tile_bytes);
  const uint64_t rows_of_turn = std::max<uint64_t>(1, of_turn / of_row);
  RowLookup lookup{.part = part};
  lookup.turns = (rows + rows_of_turn - 1) / rows_of_turn;
  // A turn may end in the middle of a row, which the next asks for again.
  lookup.tiles = (rows + lookup.turns) * of_row;
  lookup.bytes = lookup.tiles * table.tile_bytes;
  return lookup;
}

std::vector<TimedPart> WithLookups(const RingCase& ring_case,
                                   const std::vector<RowLookup>& lookups,
                                   const LookupCosts& costs) {
  std::vector<TimedPart> parts(ring_case.parts.begin(), ring_case.parts.end());
  if (lookups.empty()) return parts;
  const auto fits = [&](uint64_t bytes) {
    return bytes <= ring_case.ring_bytes;
  };
  if (!std::ranges::all_of(ring_case.reads_bytes, fits)) return parts;
  const std::vector<std::optional<size_t>> gates = RoomGates(ring_case);
  for (const RowLookup& lookup : lookups) {
    TimedPart& part = parts[lookup.part];
    part.seconds +=
        static_cast<double>(lookup.turns) * costs.turn_seconds +
        static_cast<double>(lookup.tiles) * costs.tile_seconds +
        static_cast<double>(lookup.bytes) / ring_case.drive_bytes_per_s;
    // Gates are in order.
    const auto later = std::find_if(gates.begin(), gates.end(),
                                    [&](const std::optional<size_t>& gate) {
                                      return gate && *gate >= lookup.part;
                                    });
    if (later == gates.begin()) continue;
    part.read = static_cast<uint32_t>(later - gates.begin() - 1);
  }
  return parts;
}

}  // namespace layerd
