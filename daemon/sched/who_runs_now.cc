#include "daemon/sched/who_runs_now.h"

namespace layerd {

Decision WhoRunsNow(const std::array<LevelView, kLevelsMax>& levels) {
  for (int level = 1; level <= kLevelsMax; ++level) {
    const LevelView& view = levels[level - 1];
    if (!view.on && view.waits) return {Act::kBegin, level};
  }
  for (int level = 1; level <= kLevelsMax; ++level) {
    const LevelView& view = levels[level - 1];
    if (view.on && view.ready) return {Act::kRun, level};
    if (view.lands) return {};
  }
  return {};
}

}  // namespace layerd
