#ifndef LAYERD_TEST_SIM_TASK_SET_H_
#define LAYERD_TEST_SIM_TASK_SET_H_

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "config/limits.h"
#include "daemon/plan/schedulability.h"
#include "test/sim/part_table.h"

namespace layerd {

// A machine of planning.md: nominal rates.
struct SimMachine {
  const char* name;
  double drive_bytes_per_s;
  double flops_per_s;
};
inline constexpr SimMachine kMachines[] = {
    {"Xavier", 2.5e9, 1e12}, {"Orin", 5e9, 3e12}, {"VM-CPU", 3e9, 0.25e12}};

struct SimTask {
  const PartTable* table;
  int level = 1;
  double period_seconds = 0;  // And deadline.
};

// By a seed, so that nobody picks: 2 to 8 tasks whose shares of the machine,
// max(compute, reading) / period, add up to `utilization` and are drawn evenly
// (UUniFast-discard); for each a period drawn log-uniformly from 10 to 1000 ms,
// and the network that fills that share of it best. The period is then made to
// fit the share exactly, and a set with one outside of 10 to 1000 ms is drawn
// again. Levels go by period (rate-monotonic); where there are more tasks than
// levels, those whose periods differ least share one.
// REQUIRES: utilization is at most 1, or there may be no such set.
std::vector<SimTask> DrawTaskSet(const std::vector<PartTable>& tables,
                                 const SimMachine& machine, double utilization,
                                 uint64_t seed);

using RingBytes = std::array<uint64_t, kLevelsMax>;  // By level.
inline RingBytes RingsOf(uint64_t bytes) {
  RingBytes rings;
  rings.fill(bytes);
  return rings;
}

// As admission sees them.
std::vector<TaskProgram> ProgramsOf(const std::vector<SimTask>& tasks,
                                    const SimMachine& machine);
Supply SupplyOf(const SimMachine& machine, const RingBytes& ring_bytes);

// A set in the memory that it got.
struct PlannedSet {
  std::vector<SimTask> tasks;
  RingBytes ring_bytes{};
  std::vector<Guarantee> guarantees;
  bool admitted = false;
  // Networks without their heads, which tasks are of.
  std::vector<std::unique_ptr<PartTable>> tables;
};

struct PlanOptions {
  uint64_t level_bytes = 8 << 20;  // For weights, of each level.
  bool earliest_deadline_first = false;
  bool heads = true;  // Else all of it is the ring.
};

// As the daemon plans it: all of a level's memory is its ring, if every task
// keeps its deadline so; else it is divided into ring and heads
// (deadline_split.h).
PlannedSet PlanOf(const std::vector<SimTask>& tasks, const SimMachine& machine,
                  const PlanOptions& options);

}  // namespace layerd

#endif  // LAYERD_TEST_SIM_TASK_SET_H_
