#include "test/sim/task_set.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "daemon/plan/deadline_split.h"
#include "test/sim/sim_random.h"

namespace layerd {
namespace {

constexpr int kTasksMin = 2, kTasksMax = 8;
constexpr double kPeriodMin = 10e-3, kPeriodMax = 1.0;

double Cost(const PartTable& table, const SimMachine& machine) {
  return std::max(
      table.flops() / machine.flops_per_s,
      static_cast<double>(table.bytes()) / machine.drive_bytes_per_s);
}

// Evenly from all shares that add up to `utilization`; none above 1.
std::vector<double> DrawShares(int count, double utilization,
                               SimRandom* random) {
  while (true) {
    std::vector<double> shares;
    double left = utilization;
    for (int i = 1; i < count; ++i) {
      const double next = left * std::pow(random->Uniform(), 1.0 / (count - i));
      shares.push_back(left - next);
      left = next;
    }
    shares.push_back(left);
    if (*std::max_element(shares.begin(), shares.end()) <= 1) return shares;
  }
}

SimTask Fill(const std::vector<PartTable>& tables, const SimMachine& machine,
             double share, double period) {
  SimTask best{};
  double best_distance = 0;
  for (const PartTable& table : tables) {
    const double cost = Cost(table, machine);
    const double distance = std::abs(std::log(cost / (share * period)));
    if (best.table != nullptr && distance >= best_distance) continue;
    best_distance = distance;
    best = {.table = &table, .period_seconds = cost / share};
  }
  return best;
}

// The shortest period is level 1; a new level begins at each of the three
// greatest ratios between neighbours.
void FoldLevels(std::vector<SimTask>* tasks) {
  std::vector<double> ratios;
  for (size_t i = 1; i < tasks->size(); ++i) {
    ratios.push_back((*tasks)[i].period_seconds /
                     (*tasks)[i - 1].period_seconds);
  }
  std::vector<double> greatest = ratios;
  std::sort(greatest.rbegin(), greatest.rend());
  const size_t levels = std::min<size_t>(tasks->size(), kLevelsMax);
  const double least = levels > 1 ? greatest[levels - 2] : 0;
  int level = 1;
  for (size_t i = 0; i < tasks->size(); ++i) {
    if (i > 0 && ratios[i - 1] >= least && level < kLevelsMax) ++level;
    (*tasks)[i].level = level;
  }
}

bool InRange(const SimTask& task) {
  return kPeriodMin <= task.period_seconds && task.period_seconds <= kPeriodMax;
}

TaskProgram ProgramOf(const SimTask& task, const PartTable& table,
                      const SimMachine& machine) {
  TaskProgram program;
  program.name = table.name;
  program.level = task.level;
  program.period_seconds = task.period_seconds;
  program.reads_bytes = table.reads_bytes;
  for (const PartTable::Part& part : table.parts) {
    program.parts.push_back({part.read, part.flops / machine.flops_per_s});
  }
  return program;
}

bool AllHold(const std::vector<Guarantee>& guarantees) {
  return std::all_of(
      guarantees.begin(), guarantees.end(),
      [](const Guarantee& guarantee) { return guarantee.holds; });
}

}  // namespace

std::vector<SimTask> DrawTaskSet(const std::vector<PartTable>& tables,
                                 const SimMachine& machine, double utilization,
                                 uint64_t seed) {
  SimRandom random(seed);
  while (true) {
    const int count = kTasksMin + static_cast<int>(random.Next() %
                                                   (kTasksMax - kTasksMin + 1));
    std::vector<SimTask> tasks;
    for (const double share : DrawShares(count, utilization, &random)) {
      const double period =
          kPeriodMin * std::pow(kPeriodMax / kPeriodMin, random.Uniform());
      tasks.push_back(Fill(tables, machine, share, period));
    }
    if (!std::all_of(tasks.begin(), tasks.end(), InRange)) continue;
    std::sort(tasks.begin(), tasks.end(),
              [](const SimTask& a, const SimTask& b) {
                return a.period_seconds < b.period_seconds;
              });
    FoldLevels(&tasks);
    return tasks;
  }
}

std::vector<TaskProgram> ProgramsOf(const std::vector<SimTask>& tasks,
                                    const SimMachine& machine) {
  std::vector<TaskProgram> programs;
  for (const SimTask& task : tasks) {
    programs.push_back(ProgramOf(task, *task.table, machine));
  }
  return programs;
}

Supply SupplyOf(const SimMachine& machine, const RingBytes& ring_bytes) {
  Supply supply;
  supply.drive_bytes_per_s = machine.drive_bytes_per_s;
  supply.ring_bytes = ring_bytes;
  return supply;
}

PlannedSet PlanOf(const std::vector<SimTask>& tasks, const SimMachine& machine,
                  const PlanOptions& options) {
  PlannedSet set;
  set.tasks = tasks;
  set.ring_bytes = RingsOf(options.level_bytes);
  Supply supply = SupplyOf(machine, set.ring_bytes);
  supply.earliest_deadline_first = options.earliest_deadline_first;
  const std::vector<TaskProgram> programs = ProgramsOf(tasks, machine);
  set.guarantees = *Guarantees(programs, supply);
  set.admitted = AllHold(set.guarantees);
  if (set.admitted || !options.heads) return set;

  const DeadlineSplit split = SplitForDeadlines(
      programs, set.ring_bytes, supply,
      [&](size_t task, uint64_t, uint64_t head_bytes) {
        return std::optional<TaskProgram>(ProgramOf(
            tasks[task], tasks[task].table->WithHead(head_bytes), machine));
      });
  for (size_t i = 0; i < tasks.size(); ++i) {
    set.tables.push_back(std::make_unique<PartTable>(
        tasks[i].table->WithHead(split.head_bytes[i])));
    set.tasks[i].table = set.tables.back().get();
    const size_t level = tasks[i].level - 1;
    if (split.ring_bytes[level] > 0) {
      set.ring_bytes[level] = split.ring_bytes[level];
    }
  }
  supply.ring_bytes = set.ring_bytes;
  set.guarantees = *Guarantees(ProgramsOf(set.tasks, machine), supply);
  set.admitted = AllHold(set.guarantees);
  return set;
}

}  // namespace layerd
