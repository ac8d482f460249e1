#ifndef LAYERD_TEST_SIM_SIMULATION_H_
#define LAYERD_TEST_SIM_SIMULATION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/plan/schedulability.h"
#include "daemon/sched/job_queue.h"
#include "daemon/sched/trace_buffer.h"
#include "test/sim/task_set.h"
#include "test/sim/virtual_machine.h"

namespace layerd {

struct SimOptions {
  RingBytes ring_bytes = RingsOf(8 << 20);
  Jitter jitter = {};
  LevelOrder level_order = LevelOrder::kFifo;
  uint64_t jobs = 1000;
  // Jobs past their deadline are dropped, as the daemon does; else they go on,
  // and how late they were is seen.
  bool drop_late = true;
  // The daemon reads ahead for jobs that are expected. Here for those that do
  // not come: a job that begins while nobody reads finds the drive busy for as
  // long as that may keep it.
  bool reads_ahead = true;
  // Every task's first job arrives at the same time; else only with even seeds.
  bool all_at_once = false;
  // When each task's first job arrives; empty: as above.
  std::vector<double> first_seconds = {};
  bool keep_trace = false;
};

// What came of a task set. `complaints` are promises of the daemon that did not
// hold, whatever the load: a test fails for each.
struct SimResult {
  uint64_t jobs = 0;
  uint64_t misses = 0;  // Of deadlines.
  // Of the misses, those after something that admission does not count with.
  uint64_t misses_beyond_assumptions = 0;
  uint64_t preemptions = 0;
  // The greatest share of its deadline that a response took.
  double worst_share = 0;
  // The same for the promised response, where one was given.
  double worst_share_of_bound = 0;
  uint64_t trace_hash = 0;
  std::vector<TraceEvent> trace;  // The scheduler's last, if asked for.
  std::vector<std::string> complaints;
};

// Runs the daemon's scheduler, its queue, the loader's order and the weight
// rings in virtual time, on a machine that strays from its nominal rates, and
// looks at each step whether
//
//   - something computes whenever something could (work-conserving);
//   - no lower part begins while a more urgent one is ready;
//   - a more urgent job is never kept waiting by a lower one for longer than
//     the published blocking, on the processor or at the drive;
//   - no byte of a ring is given away while in use;
//   - of a level the first begins of those that wait, by arrival or by
//     deadline, and each is answered: so nobody starves.
//
// `promised` as Guarantees() gave it, or empty. The same arguments, the same
// trace.
SimResult Simulate(const std::vector<SimTask>& tasks, const SimMachine& machine,
                   const SimOptions& options,
                   const std::vector<Guarantee>& promised, uint64_t seed);

}  // namespace layerd

#endif  // LAYERD_TEST_SIM_SIMULATION_H_
