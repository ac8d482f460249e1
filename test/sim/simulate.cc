// How often is an admitted task set late, and is admission merely pessimistic?
//
//   bazel-bin/test/sim/simulate --sets 200 --jobs 1000 --utilization 0.8
//   bazel-bin/test/sim/simulate --machine Orin --seed 17 --sets 1   # replays
//
// Run it from the top of the repository, where test/sim/tables is. Exits 1 if a
// promise of the daemon did not hold or an admitted job was late.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "test/sim/sim_random.h"
#include "test/sim/simulation.h"

namespace layerd {
namespace {

struct Question {
  std::string machine;  // Empty: all three.
  double utilization = 0.8;
  uint64_t first_seed = 1, sets = 100, jobs = 1000;
  uint64_t refused_jobs = 300;
  uint64_t level_bytes = 8 << 20;
  bool heads = true;  // Else all of it is the ring.
  LevelOrder order = LevelOrder::kFifo;
  bool nominal = false;  // Also for admitted sets.
  // Admitted sets come in all ReleasePatterns(), nominal and not, for so many
  // jobs each.
  bool adversarial = false;
  uint64_t patterns = 8;  // By chance, besides those that mean harm.
  // So many more, each from the worst so far, for a refused set that comes
  // nowhere near a miss in all of these.
  uint64_t search = 300;
};

constexpr uint64_t kExplainedMax = 3;
constexpr uint64_t kLongerLook = 10;
constexpr double kNear = 1.3;      // A response so near its deadline.
constexpr double kLittle = 10e-3;  // Seconds.

// What admission counts with. A refused set is shown it, for it may come.
constexpr Jitter kNominal{.read_sigma = 0, .part_shortest = 1};

struct Tally {
  uint64_t sets = 0, admitted = 0, jobs = 0, misses = 0, complaints = 0;
  uint64_t divided = 0;           // Of the admitted: into ring and heads.
  uint64_t refused_and_late = 0;  // Missed, or came within 1.3 of it.
  uint64_t refused_and_missed = 0;
  double worst_share_of_bound = 0;
};

// Of first jobs, and what it does.
struct Pattern {
  double share = 0;  // Of its deadline, that a response takes at the worst.
  std::vector<double> first_seconds = {};
};

// Why a set was let in or refused.
void Explain(const PlannedSet& set, const SimMachine& machine, uint64_t seed) {
  std::printf("%s seed %lu %s (ms):\n", machine.name, seed,
              set.admitted ? "admitted" : "refused");
  for (size_t i = 0; i < set.tasks.size(); ++i) {
    const SimTask& task = set.tasks[i];
    const Guarantee& g = set.guarantees[i];
    std::printf(
        "  level %d (ring %lu KiB) %-14s compute %6.1f reads %6.1f alone %6.1f "
        "(blocked by %.2f, %.2f, joined %.2f) response %6.1f of %6.1f%s\n",
        task.level, set.ring_bytes[task.level - 1] >> 10,
        task.table->name.c_str(),
        1e3 * task.table->flops() / machine.flops_per_s,
        1e3 * task.table->bytes() / machine.drive_bytes_per_s,
        1e3 * g.alone_seconds, 1e3 * g.block_compute_seconds,
        1e3 * g.block_read_seconds, 1e3 * g.join_seconds,
        1e3 * g.response_seconds, 1e3 * g.deadline_seconds,
        g.holds ? "" : "  <-- late");
  }
}

PlanOptions PlanOptionsOf(const Question& question, bool heads) {
  return {.level_bytes = question.level_bytes,
          .earliest_deadline_first = question.order == LevelOrder::kEdf,
          .heads = heads};
}

void Complain(const SimMachine& machine, uint64_t seed, const SimResult& result,
              Tally* tally) {
  for (const std::string& complaint : result.complaints) {
    std::printf("%s seed %lu: %s\n", machine.name, seed, complaint.c_str());
    ++tally->complaints;
  }
}

// When first jobs may come to do harm: all together; for each task from a
// moment when the others of its level came just before it, less urgent work has
// begun, and more urgent jobs come with it; by deadline also when one of them
// did that is due later, and the others come with it; and by chance.
std::vector<std::vector<double>> ReleasePatterns(
    const std::vector<SimTask>& tasks, const Question& question,
    uint64_t seed) {
  std::vector<std::vector<double>> patterns{
      std::vector<double>(tasks.size(), 0.0)};
  for (const SimTask& victim : tasks) {
    std::vector<double>& first = patterns.emplace_back();
    for (const SimTask& task : tasks) {
      const double before = task.level > victim.level ? 2e-3 : 0;
      const double after = &task == &victim ? 1e-6 : 0;
      first.push_back(2e-3 - before + after);
    }
  }
  for (const SimTask& begun : tasks) {
    if (question.order != LevelOrder::kEdf) break;
    std::vector<double>& first = patterns.emplace_back();
    for (const SimTask& task : tasks) {
      const double before = task.level > begun.level ? 2e-3 : 0;
      const double after = &task == &begun ? 0 : 1e-6;
      first.push_back(2e-3 - before + after);
    }
  }
  SimRandom random(seed);
  for (uint64_t i = 0; i < question.patterns; ++i) {
    std::vector<double>& first = patterns.emplace_back();
    for (const SimTask& task : tasks) {
      first.push_back(random.Uniform() * task.period_seconds);
    }
  }
  return patterns;
}

// Moves the first job of one task, to any time of its period, a little, or to
// that of another.
void MoveOne(const std::vector<SimTask>& tasks, std::vector<double>* first,
             SimRandom* random) {
  const size_t moved = random->Next() % tasks.size();
  double& seconds = (*first)[moved];
  switch (random->Next() % 3) {
    case 0:
      seconds = random->Uniform() * tasks[moved].period_seconds;
      break;
    case 1:
      seconds = std::max(0.0, seconds + (random->Uniform() - 0.5) * kLittle);
      break;
    default:
      seconds = (*first)[random->Next() % tasks.size()];
  }
}

// Climbs from `worst`, a pattern with its share of a deadline, to worse ones.
double SearchWorse(const PlannedSet& set, const SimMachine& machine,
                   const Question& question, uint64_t seed, SimOptions options,
                   Pattern worst, Tally* tally) {
  SimRandom random(seed);
  for (uint64_t i = 0; i < question.search && worst.share < 1 / kNear; ++i) {
    options.first_seconds = worst.first_seconds;
    MoveOne(set.tasks, &options.first_seconds, &random);
    const SimResult result = Simulate(set.tasks, machine, options, {}, seed);
    Complain(machine, seed, result, tally);
    if (result.worst_share < worst.share) continue;
    worst = {result.worst_share, options.first_seconds};
  }
  return worst.share;
}

// The share of its deadline that a response takes at the worst, as far as is
// known. A set that comes nowhere near a miss is looked at for longer.
double WorstShare(const PlannedSet& set, const SimMachine& machine,
                  const Question& question, uint64_t seed, Tally* tally) {
  SimOptions options{.ring_bytes = set.ring_bytes,
                     .jitter = kNominal,
                     .level_order = question.order,
                     .drop_late = false};
  Pattern worst;
  for (const uint64_t times : {uint64_t{1}, kLongerLook}) {
    options.jobs = times * question.refused_jobs;
    for (const auto& first_seconds :
         ReleasePatterns(set.tasks, question, seed)) {
      if (worst.share > 1) return worst.share;
      if (times > 1 && worst.share >= 1 / kNear) return worst.share;
      options.first_seconds = first_seconds;
      const SimResult result = Simulate(set.tasks, machine, options, {}, seed);
      Complain(machine, seed, result, tally);
      if (result.worst_share < worst.share) continue;
      worst = {result.worst_share, first_seconds};
    }
  }
  options.jobs = question.refused_jobs;
  return SearchWorse(set, machine, question, seed, options, worst, tally);
}

void AddRun(const PlannedSet& set, const SimMachine& machine,
            const SimOptions& options, uint64_t seed, Tally* tally) {
  const SimResult result =
      Simulate(set.tasks, machine, options, set.guarantees, seed);
  Complain(machine, seed, result, tally);
  tally->jobs += result.jobs;
  tally->misses += result.misses;
  tally->worst_share_of_bound =
      std::max(tally->worst_share_of_bound, result.worst_share_of_bound);
  if (result.misses > 0) {
    std::printf("%s seed %lu: %lu misses\n", machine.name, seed, result.misses);
  }
}

void AddAdmitted(const PlannedSet& set, const SimMachine& machine,
                 const Question& question, uint64_t seed, Tally* tally) {
  SimOptions options{.ring_bytes = set.ring_bytes,
                     .jitter = question.nominal ? kNominal : Jitter{},
                     .level_order = question.order,
                     .jobs = question.jobs,
                     .all_at_once = question.nominal};
  if (!question.adversarial) {
    return AddRun(set, machine, options, seed, tally);
  }
  for (const auto& first_seconds : ReleasePatterns(set.tasks, question, seed)) {
    options.first_seconds = first_seconds;
    for (const Jitter& jitter : {kNominal, Jitter{}}) {
      options.jitter = jitter;
      AddRun(set, machine, options, seed, tally);
    }
  }
}

// With all memory as rings, and as it would be divided: only who is late with
// both is lost to every test that has the choice of these two.
double LeastWorstShare(const PlannedSet& set, const std::vector<SimTask>& tasks,
                       const SimMachine& machine, const Question& question,
                       uint64_t seed, Tally* tally) {
  const double share = WorstShare(set, machine, question, seed, tally);
  if (!question.heads || share < 1 / kNear) return share;
  const PlannedSet rings =
      PlanOf(tasks, machine, PlanOptionsOf(question, /*heads=*/false));
  return std::min(share, WorstShare(rings, machine, question, seed, tally));
}

void Add(const SimMachine& machine, const std::vector<PartTable>& tables,
         const Question& question, uint64_t seed, Tally* tally) {
  const auto tasks = DrawTaskSet(tables, machine, question.utilization, seed);
  const PlannedSet set =
      PlanOf(tasks, machine, PlanOptionsOf(question, question.heads));
  ++tally->sets;
  tally->divided += set.admitted && !set.tables.empty();
  if (question.sets <= kExplainedMax) Explain(set, machine, seed);
  if (!set.admitted) {
    const double share =
        LeastWorstShare(set, tasks, machine, question, seed, tally);
    if (share < 1 / kNear) {
      std::printf("%s seed %lu: refused, and comes to %.3f of a deadline\n",
                  machine.name, seed, share);
    }
    tally->refused_and_late += share >= 1 / kNear;
    tally->refused_and_missed += share > 1;
    return;
  }
  ++tally->admitted;
  AddAdmitted(set, machine, question, seed, tally);
}

void Print(const SimMachine& machine, const Question& question,
           const Tally& tally) {
  const uint64_t refused = tally.sets - tally.admitted;
  std::printf(
      "%-7s U %.2f: %lu of %lu sets admitted (%.1f %%; %lu of them with "
      "heads), "
      "%lu jobs of them, %lu "
      "misses, worst response %.3f of its bound; of %lu refused %lu miss or "
      "come within 1.3 x of the deadline (%.0f %%), %lu miss, so no right test "
      "admits more than %.1f %%\n",
      machine.name, question.utilization, tally.admitted, tally.sets,
      100.0 * tally.admitted / tally.sets, tally.divided, tally.jobs,
      tally.misses, tally.worst_share_of_bound, refused, tally.refused_and_late,
      refused == 0 ? 100.0 : 100.0 * tally.refused_and_late / refused,
      tally.refused_and_missed,
      100.0 * (tally.sets - tally.refused_and_missed) / tally.sets);
  std::fflush(stdout);
}

constexpr char kHelp[] =
    "simulate [--FLAG VALUE]...\n"
    "  --machine NAME      Xavier, Orin or VM-CPU; all three unless told\n"
    "  --utilization U     sum of max(compute, reading) / period; 0.8\n"
    "  --seed N, --sets N  the first task set, and how many; 1, 100\n"
    "  --jobs N            of each run of an admitted set; 1000\n"
    "  --refused-jobs N    of each of a refused one; 300\n"
    "  --order fifo|edf    inside a level; fifo\n"
    "  --level-kib N       weight memory of a level; 8192\n"
    "  --heads BOOL        memory may be divided into ring and heads; true\n"
    "  --nominal BOOL      no jitter, all first jobs at once; false\n"
    "  --adversarial BOOL  every arrangement of first jobs, with jitter and "
    "without; false\n"
    "  --patterns N        arrangements by chance besides; 8\n"
    "  --search N          more, each from the worst so far, for a refused set "
    "that comes nowhere near a miss; 300\n";

// False if there is no such flag.
bool Take(const std::string& flag, const std::string& value,
          Question* question) {
  const auto number = [&value] {
    return std::strtoull(value.c_str(), nullptr, 10);
  };
  if (flag == "--machine") {
    question->machine = value;
  } else if (flag == "--utilization") {
    question->utilization = std::atof(value.c_str());
  } else if (flag == "--seed") {
    question->first_seed = number();
  } else if (flag == "--sets") {
    question->sets = number();
  } else if (flag == "--jobs") {
    question->jobs = number();
  } else if (flag == "--refused-jobs") {
    question->refused_jobs = number();
  } else if (flag == "--level-kib") {
    question->level_bytes = number() << 10;
  } else if (flag == "--heads") {
    question->heads = value == "true";
  } else if (flag == "--nominal") {
    question->nominal = value == "true";
  } else if (flag == "--adversarial") {
    question->adversarial = value == "true";
  } else if (flag == "--patterns") {
    question->patterns = number();
  } else if (flag == "--search") {
    question->search = number();
  } else if (flag == "--order") {
    question->order = value == "edf" ? LevelOrder::kEdf : LevelOrder::kFifo;
  } else {
    return false;
  }
  return true;
}

int Main(int argc, char** argv) {
  Question question;
  for (int i = 1; i < argc; i += 2) {
    const std::string flag = argv[i];
    if (flag == "--help" || flag == "-h") {
      std::fputs(kHelp, stdout);
      return 0;
    }
    if (i + 1 < argc && Take(flag, argv[i + 1], &question)) continue;
    std::fprintf(stderr, "simulate: %s: no such flag, or no value\n%s", argv[i],
                 kHelp);
    return 2;
  }
  const std::vector<PartTable> tables = AllPartTables();
  bool well = true;
  for (const SimMachine& machine : kMachines) {
    if (!question.machine.empty() && question.machine != machine.name) continue;
    Tally tally;
    for (uint64_t n = 0; n < question.sets; ++n) {
      Add(machine, tables, question, question.first_seed + n, &tally);
    }
    Print(machine, question, tally);
    well = well && tally.misses == 0 && tally.complaints == 0;
  }
  return well ? 0 : 1;
}

}  // namespace
}  // namespace layerd

int main(int argc, char** argv) { return layerd::Main(argc, argv); }
