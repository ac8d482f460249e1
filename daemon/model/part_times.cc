#include "daemon/model/part_times.h"

#include <algorithm>
#include <cmath>

namespace layerd {
namespace {

constexpr double kShortestNs = 1000;
constexpr uint32_t kLookEvery = 1000;

}  // namespace

void PartTimes::Note(std::chrono::nanoseconds took) {
  const double octaves =
      std::log2(static_cast<double>(took.count() + 1) / kShortestNs);
  const auto step = static_cast<ptrdiff_t>(octaves * kStepsPerOctave);
  const auto last = static_cast<ptrdiff_t>(counts_.size()) - 1;
  ++counts_[static_cast<size_t>(std::clamp<ptrdiff_t>(step, 0, last))];
  ++count_;
  if (--until_look_ > 0) return;
  until_look_ = kLookEvery;

  uint32_t longer = 0;
  size_t at = counts_.size();
  const double may_be_longer = (1 - kNearlyAll) * count_;
  while (at > 0 && longer + counts_[at - 1] <= may_be_longer) {
    longer += counts_[--at];
  }
  // The upper end of the step that was not left out.
  nearly_all_ns_.store(static_cast<int64_t>(
      kShortestNs * std::exp2(static_cast<double>(at) / kStepsPerOctave)));
  if (count_ < kRemembered) return;
  count_ = 0;
  for (uint32_t& count : counts_) count_ += count /= 2;
}

}  // namespace layerd
