#ifndef LAYERD_DAEMON_PLAN_TABLE_PLAN_H_
#define LAYERD_DAEMON_PLAN_TABLE_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "daemon/plan/table.h"

namespace layerd {

// The caches of all tables, of all models, while they are being planned. They
// begin as small as they can be and grow with what is left of the budget.
class TablePlan {
 public:
  void Add(const std::vector<TableDemand>& demands);

  // Of all caches; of one of them, in the order of adding.
  uint64_t bytes() const;
  const std::vector<uint64_t>& caches_bytes() const { return bytes_; }

  void MakeResident();
  // Each spends at most `left` more bytes and returns what it left: for what
  // one job looks up, and for all rows.
  uint64_t GrowToUseful(uint64_t left);
  uint64_t GrowToAll(uint64_t left);

 private:
  uint64_t Grow(uint64_t TableDemand::*most_bytes, uint64_t left);

  std::vector<TableDemand> demands_;
  std::vector<uint64_t> bytes_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_TABLE_PLAN_H_
