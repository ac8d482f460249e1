#ifndef LAYERD_DAEMON_PLAN_DEADLINE_SPLIT_H_
#define LAYERD_DAEMON_PLAN_DEADLINE_SPLIT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "config/limits.h"
#include "daemon/plan/schedulability.h"

namespace layerd {

// What of each level's weight memory is its ring, and what stays in memory of
// each task.
struct DeadlineSplit {
  std::array<uint64_t, kLevelsMax> ring_bytes{};  // 0: left as it was.
  std::vector<uint64_t> head_bytes;  // Of each task, at most; 0 if undeclared.
  bool holds = false;  // Every declared task keeps its deadline so.
};

// A task whose first extents, of at most `head_bytes`, stay in memory: what
// still goes through the ring. Nothing if it does not run in such a ring.
using ProgramInSplit = std::function<std::optional<TaskProgram>(
    size_t task, uint64_t ring_bytes, uint64_t head_bytes)>;

// Divides the memory of each level that has declared tasks so that all of them
// keep their deadlines, if the analysis finds such a division.
//
// Why: a byte of the ring lets a job read further ahead, a byte of a head is
// never read again. Alone a job may be quicker with the one, and beside others
// the set with the other: what a task that comes often does not read, the drive
// has for the less urgent. No price on a byte tells that (memory_share.h); the
// analysis does.
//
// Each level is tried with nine sizes of ring, the rest being heads: of the
// task that comes most often first, because that saves most reads. Level after
// level, the most urgent first: a division is tried only with those of more
// urgent levels with which these keep their own deadlines, and first that which
// is the least burden to the less urgent. If none holds, the one that is
// returned is that of least burden.
//
// The answer is a proposal: who makes a plan of it asks Guarantees() again.
//
// `tasks` as they are planned now; `level_bytes` of rings and heads of declared
// tasks, by level. Cost: a few times that of Guarantees(); where there is none,
// the response of one task beside others is asked for at most 4000 times.
DeadlineSplit SplitForDeadlines(
    const std::vector<TaskProgram>& tasks,
    const std::array<uint64_t, kLevelsMax>& level_bytes, const Supply& supply,
    const ProgramInSplit& program);

// The smallest ring that is tried of that much memory.
uint64_t LeastRingTried(uint64_t level_bytes);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_DEADLINE_SPLIT_H_
