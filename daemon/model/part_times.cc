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
  Look();
  if (count_ < kRemembered) return;
  count_ = 0;
  for (uint32_t& count : counts_) count_ += count /= 2;
}

void PartTimes::Look() {
  uint32_t longer = 0;
  size_t at = counts_.size();
  const double may_be_longer = (1 - kNearlyAll) * count_;
  while (at > 0 && longer + counts_[at - 1] <= may_be_longer) {
    longer += counts_[--at];
  }
  // The upper end of the step that was not left out.
  nearly_all_ns_.store(static_cast<int64_t>(
      kShortestNs * std::exp2(static_cast<double>(at) / kStepsPerOctave)));
}

std::vector<uint32_t> PartTimes::counts() const {
  std::vector<uint32_t> counts(counts_.begin(), counts_.end());
  while (!counts.empty() && counts.back() == 0) counts.pop_back();
  return counts;
}

bool PartTimes::Restore(std::span<const uint32_t> counts) {
  if (counts.size() > counts_.size()) return false;
  uint64_t sum = 0;
  for (const uint32_t count : counts) sum += count;
  if (sum > kRemembered + kLookEvery) return false;
  counts_.fill(0);
  std::copy(counts.begin(), counts.end(), counts_.begin());
  count_ = static_cast<uint32_t>(sum);
  until_look_ = count_ < kEnough ? kEnough - count_ : kLookEvery;
  if (count_ >= kEnough) Look();
  return true;
}

}  // namespace layerd
