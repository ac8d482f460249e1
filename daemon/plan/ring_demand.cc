#include "daemon/plan/ring_demand.h"

#include <algorithm>
#include <deque>
#include <limits>

#include "config/check.h"

namespace layerd {
namespace {

constexpr size_t kStepsExact = 2048;
constexpr size_t kStepsCoarse = 256;
constexpr size_t kReadsSeenMax = 1 << 26;  // By all steps together.
constexpr size_t kUnused = std::numeric_limits<size_t>::max();

// The sum and the greatest of a run of sizes whose both ends only move on.
class Window {
 public:
  void Push(size_t index, uint64_t bytes) {
    sum_ += bytes;
    sizes_.push_back({index, bytes});
    while (!falling_.empty() && falling_.back().bytes <= bytes) {
      falling_.pop_back();
    }
    falling_.push_back({index, bytes});
  }
  void DropBefore(size_t index) {
    for (; sizes_.front().index < index; sizes_.pop_front()) {
      sum_ -= sizes_.front().bytes;
    }
    while (falling_.front().index <= sizes_.front().index &&
           falling_.front().index < index) {
      falling_.pop_front();
    }
  }
  size_t first() const { return sizes_.front().index; }
  uint64_t sum() const { return sum_; }
  // Of all but the oldest; 0 if there is no other.
  uint64_t GreatestAfterFirst() const {
    if (falling_.front().index != sizes_.front().index) {
      return falling_.front().bytes;
    }
    return falling_.size() > 1 ? falling_[1].bytes : 0;
  }

 private:
  struct Size {
    size_t index;
    uint64_t bytes;
  };
  std::deque<Size> sizes_, falling_;
  uint64_t sum_ = 0;
};

}  // namespace

RingDemand::RingDemand(const Program& program) {
  std::vector<size_t> ranks(program.extents.size(), kUnused);
  head_bytes_ = {0};
  std::vector<Read> reads(program.reads.size());
  for (size_t i = 0; i < reads.size(); ++i) {
    const uint32_t extent = program.reads[i];
    if (ranks[extent] == kUnused) {
      ranks[extent] = order_.size();
      order_.push_back(extent);
      head_bytes_.push_back(head_bytes_.back() +
                            program.extents[extent].stored_bytes);
    }
    reads[i].bytes = program.extents[extent].stored_bytes;
    reads[i].rank = ranks[extent];
    reads[i].first_part = kUnused;
  }
  for (size_t part = 0; part < program.parts.size(); ++part) {
    if (!program.parts[part].read) continue;
    Read& read = reads[*program.parts[part].read];
    read.first_part = std::min(read.first_part, part);
    read.last_part = part;
  }
  const size_t n = order_.size();
  const size_t count =
      std::min(n <= kStepsExact ? n : kStepsCoarse,
               kReadsSeenMax / std::max<size_t>(reads.size(), 1));
  for (size_t s = 0; s <= count; ++s) {
    steps_.push_back(StepOf(reads, count == 0 ? 0 : s * n / count));
  }
}

RingDemand::Step RingDemand::StepOf(const std::vector<Read>& reads,
                                    size_t head_extents) const {
  Step step{.head_extents = head_extents,
            .head_bytes = head_bytes_[head_extents]};
  Window window;
  size_t oldest = 0;
  for (size_t i = 0; i < reads.size(); ++i) {
    const Read& read = reads[i];
    if (read.rank < head_extents) continue;
    window.Push(i, read.bytes);
    while (reads[oldest].rank < head_extents ||
           reads[oldest].last_part < read.first_part) {
      ++oldest;
    }
    window.DropBefore(oldest);
    step.streamed_bytes += read.bytes;
    step.largest_bytes = std::max(step.largest_bytes, read.bytes);
    const uint64_t crossing = window.GreatestAfterFirst();
    const uint64_t skipped = crossing > 0 ? crossing - kPageBytes : 0;
    step.ring_bytes_min = std::max(step.ring_bytes_min, window.sum() + skipped);
  }
  step.ring_bytes_min = std::max(step.ring_bytes_min, 2 * step.largest_bytes);
  return step;
}

size_t RingDemand::LeastStep(uint64_t ring_bytes) const {
  const auto step = std::partition_point(
      steps_.begin(), steps_.end(),
      [&](const Step& s) { return s.ring_bytes_min > ring_bytes; });
  LAYERD_CHECK(step != steps_.end());  // All resident needs no ring.
  return step - steps_.begin();
}

size_t RingDemand::GreatestStep(uint64_t head_bytes) const {
  const auto step = std::partition_point(
      steps_.begin(), steps_.end(),
      [&](const Step& s) { return s.head_bytes <= head_bytes; });
  return step - steps_.begin() - 1;
}

}  // namespace layerd
