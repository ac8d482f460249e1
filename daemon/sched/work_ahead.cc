#include "daemon/sched/work_ahead.h"

#include <algorithm>

namespace layerd {
namespace {

// Of what is known of slowness, what the last job counts for; and the most.
constexpr double kNewest = 1.0 / 8;
constexpr double kSlownessMax = 3;

WorkAhead::Time Times(WorkAhead::Time time, double factor) {
  return WorkAhead::Time(
      static_cast<int64_t>(static_cast<double>(time.count()) * factor));
}

}  // namespace

void WorkAhead::Add(int level, Time more) {
  if (more.count() != 0) work_ns_[level - 1].fetch_add(more.count());
}

void WorkAhead::NoteTime(int level, Time predicted, Time took) {
  const double slower = static_cast<double>(took.count()) /
                            static_cast<double>(predicted.count()) -
                        1;
  std::atomic<double>& known = slowness_[level - 1];
  known.store(known.load() +
              kNewest * (std::clamp(slower, 0.0, kSlownessMax) - known.load()));
}

WorkAhead::Forecast WorkAhead::ForecastOf(int level, Time predicted) const {
  int64_t more_urgent_ns = 0;
  for (int above = 1; above < level; ++above) {
    more_urgent_ns += work_ns_[above - 1].load();
  }
  const int64_t level_ns = work_ns_[level - 1].load();
  if (more_urgent_ns + level_ns <= 0) return {Time(0), predicted};
  const double times = 1 + slowness_[level - 1].load();
  return {Time(more_urgent_ns) + Times(Time(level_ns), times),
          Times(predicted, times)};
}

}  // namespace layerd
