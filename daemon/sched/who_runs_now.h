#ifndef LAYERD_DAEMON_SCHED_WHO_RUNS_NOW_H_
#define LAYERD_DAEMON_SCHED_WHO_RUNS_NOW_H_

#include <array>

#include "config/limits.h"

namespace layerd {

// A level at a part boundary.
struct LevelView {
  bool waits = false;  // A job waits in its queue and may begin,
  bool lands = false;  // or could, once what was read for another has landed.
  bool on = false;     // A job has begun and not ended.
  bool ready = false;  // Its next part need not wait for the drive.
};

enum class Act {
  kBegin,    // Let the level's next job begin to read. It computes nothing yet.
  kRun,      // Compute the next part of the level's job.
  kNothing,  // Until something changes.
};
struct Decision {
  Act act = Act::kNothing;
  int level = 0;
};

// The whole policy, as a function: fixed priorities between levels, preemption
// at part boundaries, none inside a level.
//
//   - A level that is free begins its next job, the most urgent level first:
//     so its reads have their turn at the drive while others compute.
//   - The most urgent level that is ready runs one part. A lower one runs only
//     while every more urgent job waits for the drive, one part each time: it
//     is asked again after that part.
//   - Nor does it while a more urgent one has a job that could begin but for
//     reads that have yet to land: they take less time than its part might.
//
// Work-conserving but for that: if any level is ready, something runs.
Decision WhoRunsNow(const std::array<LevelView, kLevelsMax>& levels);

}  // namespace layerd

#endif  // LAYERD_DAEMON_SCHED_WHO_RUNS_NOW_H_
