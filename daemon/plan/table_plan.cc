#include "daemon/plan/table_plan.h"

#include <algorithm>
#include <numeric>

#include "loader/store/format.h"

namespace layerd {

void TablePlan::Add(const std::vector<TableDemand>& demands) {
  for (const TableDemand& demand : demands) {
    demands_.push_back(demand);
    bytes_.push_back(demand.least_bytes);
  }
}

uint64_t TablePlan::bytes() const {
  return std::accumulate(bytes_.begin(), bytes_.end(), uint64_t{0});
}

void TablePlan::MakeResident() {
  for (size_t t = 0; t < bytes_.size(); ++t) bytes_[t] = demands_[t].all_bytes;
}

uint64_t TablePlan::GrowToUseful(uint64_t left) {
  return Grow(&TableDemand::useful_bytes, left);
}

uint64_t TablePlan::GrowToAll(uint64_t left) {
  return Grow(&TableDemand::all_bytes, left);
}

uint64_t TablePlan::Grow(uint64_t TableDemand::*most_bytes, uint64_t left) {
  for (size_t t = 0; t < bytes_.size(); ++t) {
    const TableDemand& demand = demands_[t];
    const uint64_t wanted = std::max(demand.*most_bytes, bytes_[t]) - bytes_[t];
    const uint64_t more =
        std::min(wanted, left / demand.tile_bytes * demand.tile_bytes);
    bytes_[t] += more;
    left -= more;
  }
  return left;
}

}  // namespace layerd
