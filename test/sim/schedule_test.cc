// Task sets that nobody picked, on three machines that stray by a seed. What
// fails prints its seed; simulate --seed replays it.

#include <algorithm>
#include <string>

#include "absl/strings/str_join.h"
#include "test/catch/catch.h"
#include "test/sim/simulation.h"

namespace layerd {
namespace {

// Of the seeds: a simulation is one thread, and ThreadSanitizer, which makes it
// fifteen times slower, has little to find.
#if defined(__SANITIZE_THREAD__)
constexpr uint64_t kFewer = 10;
#else
constexpr uint64_t kFewer = 1;
#endif

const std::vector<PartTable>& Tables() {
  static const std::vector<PartTable> tables = AllPartTables();
  return tables;
}

PlannedSet Admit(const SimMachine& machine, double utilization, uint64_t seed,
                 LevelOrder order = LevelOrder::kFifo) {
  return PlanOf(DrawTaskSet(Tables(), machine, utilization, seed), machine,
                {.earliest_deadline_first = order == LevelOrder::kEdf});
}

TEST_CASE("What admission lets in is on time, whatever the jitter") {
  uint64_t jobs = 0, sets = 0;
  for (const SimMachine& machine : kMachines) {
    for (const double utilization : {0.4, 0.6, 0.7, 0.8}) {
      for (uint64_t seed = 1; seed <= 20 / kFewer; ++seed) {
        INFO(machine.name << ", U " << utilization << ", seed " << seed);
        const PlannedSet set = Admit(machine, utilization, seed);
        if (!set.admitted) continue;
        const SimResult result = Simulate(
            set.tasks, machine, {.ring_bytes = set.ring_bytes, .jobs = 1000},
            set.guarantees, seed);
        CHECK(absl::StrJoin(result.complaints, "; ") == "");
        CHECK(result.misses == 0);
        jobs += result.jobs;
        ++sets;
      }
    }
  }
  INFO(jobs << " jobs of " << sets << " sets");
  CHECK(jobs >= 100'000 / kFewer);
}

TEST_CASE("So it is where levels go by deadline") {
  uint64_t sets = 0;
  for (const SimMachine& machine : kMachines) {
    for (uint64_t seed = 1; seed <= 30 / kFewer; ++seed) {
      INFO(machine.name << ", seed " << seed);
      const PlannedSet set = Admit(machine, 0.8, seed, LevelOrder::kEdf);
      if (!set.admitted) continue;
      const SimResult result = Simulate(set.tasks, machine,
                                        {.ring_bytes = set.ring_bytes,
                                         .level_order = LevelOrder::kEdf,
                                         .jobs = 300},
                                        set.guarantees, seed);
      CHECK(absl::StrJoin(result.complaints, "; ") == "");
      CHECK(result.misses == 0);
      ++sets;
    }
  }
  CHECK(sets >= 30 / kFewer);
}

TEST_CASE("The same seed is the same trace, another is another") {
  const PlannedSet set = Admit(kMachines[0], 0.6, 1);
  const SimOptions options{.ring_bytes = set.ring_bytes, .jobs = 200};
  const uint64_t trace =
      Simulate(set.tasks, kMachines[0], options, set.guarantees, 7).trace_hash;
  CHECK(Simulate(set.tasks, kMachines[0], options, set.guarantees, 7)
            .trace_hash == trace);
  CHECK(Simulate(set.tasks, kMachines[0], options, set.guarantees, 8)
            .trace_hash != trace);
}

TEST_CASE(
    "A drive that stalls and fails breaks the assumption, not the rules") {
  uint64_t misses = 0;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    INFO("seed " << seed);
    const PlannedSet set = Admit(kMachines[0], 0.7, seed);
    const SimResult result = Simulate(
        set.tasks, kMachines[0],
        {.ring_bytes = set.ring_bytes,
         .jitter = {.reads_between_stalls = 2000, .reads_between_errors = 500},
         .jobs = 300},
        set.guarantees, seed);
    CHECK(absl::StrJoin(result.complaints, "; ") == "");
    if (set.admitted) CHECK(result.misses == result.misses_beyond_assumptions);
    misses += result.misses;
  }
  CHECK(misses > 0);  // Or the stalls were none.
}

// Lower work is never luckier than this: every read and part takes what
// admission counts with, and all tasks begin together.
TEST_CASE("What is promised is kept when nothing is faster than nominal") {
  double closest = 0;
  for (const SimMachine& machine : kMachines) {
    for (uint64_t seed = 101; seed <= 100 + 20 / kFewer; ++seed) {
      INFO(machine.name << ", seed " << seed);
      const PlannedSet set = Admit(machine, 0.8, seed);
      const SimResult result =
          Simulate(set.tasks, machine,
                   {.ring_bytes = set.ring_bytes,
                    .jitter = {.read_sigma = 0, .part_shortest = 1},
                    .jobs = 150,
                    .drop_late = false,
                    .all_at_once = true},
                   set.guarantees, seed);
      CHECK(absl::StrJoin(result.complaints, "; ") == "");
      if (set.admitted) CHECK(result.misses == 0);
      closest = std::max(closest, result.worst_share_of_bound);
    }
  }
  CHECK(closest > 0.9);  // Or the bound would be no bound but a guess.
}

// Its parts are no longer than the plan has them: there are three times as
// many.
PartTable ThreeTimes(const PartTable& table) {
  PartTable longer = table;
  longer.parts.clear();
  for (const PartTable::Part& part : table.parts) {
    longer.parts.insert(longer.parts.end(), 3, part);
  }
  for (size_t part = 0; part < longer.parts.size(); ++part) {
    const auto& read = longer.parts[part].read;
    if (read) longer.last_part_of_read[*read] = part;
  }
  return longer;
}

TEST_CASE("Who computes three times his plan makes no more urgent job late") {
  // The first set that misses is the sixth.
  const uint64_t seeds = std::max<uint64_t>(20 / kFewer, 6);
  uint64_t misses = 0;
  for (const SimMachine& machine : kMachines) {
    for (uint64_t seed = 1; seed <= seeds; ++seed) {
      INFO(machine.name << ", seed " << seed);
      PlannedSet set = Admit(machine, 0.8, seed);
      if (!set.admitted) continue;
      const int last = set.tasks.back().level;
      std::vector<std::unique_ptr<PartTable>> longer;
      for (size_t i = 0; i < set.tasks.size(); ++i) {
        if (set.tasks[i].level < last) continue;
        longer.push_back(
            std::make_unique<PartTable>(ThreeTimes(*set.tasks[i].table)));
        set.tasks[i].table = longer.back().get();
        set.guarantees[i].holds = false;
      }
      const SimResult result = Simulate(
          set.tasks, machine, {.ring_bytes = set.ring_bytes, .jobs = 300},
          set.guarantees, seed);
      CHECK(absl::StrJoin(result.complaints, "; ") == "");
      misses += result.misses;
    }
  }
  CHECK(misses > 0);  // Of those that overran.
}

TEST_CASE("Overload is dropped by deadline, and the rules still hold") {
  for (const LevelOrder order : {LevelOrder::kFifo, LevelOrder::kEdf}) {
    for (uint64_t seed = 1; seed <= 10; ++seed) {
      INFO("seed " << seed);
      auto tasks = DrawTaskSet(Tables(), kMachines[1], 0.8, seed);
      for (SimTask& task : tasks) task.period_seconds /= 3;
      const SimResult result = Simulate(
          tasks, kMachines[1], {.level_order = order, .jobs = 500}, {}, seed);
      CHECK(absl::StrJoin(result.complaints, "; ") == "");
      CHECK(result.misses > 0);
    }
  }
}

}  // namespace
}  // namespace layerd
