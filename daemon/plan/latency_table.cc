#include "daemon/plan/latency_table.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "config/check.h"
#include "daemon/plan/drive_rate.h"
#include "loader/store/format.h"

namespace layerd {
namespace {

constexpr size_t kNone = std::numeric_limits<size_t>::max();
constexpr size_t kTicketsOpenMax = 2;  // As the executor has it.
constexpr double kNever = std::numeric_limits<double>::max();

// Small memory is looked at in wider steps than large: a step is then worth
// less than what is spent on looking.
constexpr uint64_t kLeastHeadBytes = 64 << 10;
constexpr uint64_t kFineHeadBytes = 4 << 20;
constexpr int kCoarsePerOctave = 8, kFinePerOctave = 16;
constexpr uint64_t kLeastRingBytes = 16 << 10;
constexpr uint64_t kGreatestBytes = uint64_t{1} << 40;
constexpr int kRingsPerOctave = 8;

uint64_t Octave(uint64_t bytes, double octaves) {
  return RoundUpToPage(
      static_cast<uint64_t>(static_cast<double>(bytes) * std::exp2(octaves)));
}

// `first`, then so many steps an octave, below `end`.
void AddSteps(uint64_t first, uint64_t end, int per_octave,
              std::vector<uint64_t>* sizes) {
  for (int step = 0;; ++step) {
    const uint64_t bytes =
        Octave(first, static_cast<double>(step) / per_octave);
    if (bytes >= end) return;
    if (sizes->empty() || sizes->back() < bytes) sizes->push_back(bytes);
  }
}

std::vector<uint64_t> HeadSizes() {
  std::vector<uint64_t> sizes;
  AddSteps(kLeastHeadBytes, kFineHeadBytes, kCoarsePerOctave, &sizes);
  AddSteps(kFineHeadBytes, kGreatestBytes, kFinePerOctave, &sizes);
  return sizes;
}

}  // namespace

std::vector<uint64_t> RingSizes() {
  std::vector<uint64_t> sizes;
  AddSteps(kLeastRingBytes, kGreatestBytes, kRingsPerOctave, &sizes);
  return sizes;
}

LatencyTable::LatencyTable(const Program& program, const RingDemand& demand,
                           Costs costs)
    : demand_(demand), costs_(std::move(costs)) {
  LAYERD_CHECK(costs_.part_seconds.size() == program.parts.size());
  LAYERD_CHECK(costs_.drive_bytes_per_s > 0);
  std::vector<size_t> ranks(program.extents.size(), 0);
  for (size_t n = 0; n < demand.order().size(); ++n) {
    ranks[demand.order()[n]] = n;
  }
  for (const uint32_t extent : program.reads) {
    reads_.push_back(
        {.bytes = program.extents[extent].stored_bytes, .rank = ranks[extent]});
  }
  for (size_t t = 0; t < program.parts.size(); ++t) {
    const Part& part = program.parts[t];
    if (part.read) reads_[*part.read].last_part = t;
    const double seconds = costs_.part_seconds[t] + costs_.launch_seconds;
    parts_.push_back({part.read, seconds});
    resident_seconds_ += seconds;
  }
  head_steps_ = {0};
  for (const uint64_t bytes : HeadSizes()) {
    const size_t step = demand.GreatestStep(bytes);
    if (step > head_steps_.back()) head_steps_.push_back(step);
    if (bytes >= demand.weight_bytes()) break;
  }
  finish_.resize(parts_.size());
}

double LatencyTable::ColdSeconds(uint64_t ring_bytes, size_t step) {
  const RingDemand::Step& head = demand_.steps()[step];
  if (ring_bytes < head.ring_bytes_min) return kNever;
  if (head.streamed_bytes == 0) return resident_seconds_;
  const auto [entry, is_new] = known_.try_emplace({ring_bytes, step}, 0.0);
  if (is_new) entry->second = WorkOut(ring_bytes, head.head_extents);
  return entry->second;
}

// As Recurrence in ring_recurrence.cc; a test holds them together.
double LatencyTable::WorkOut(uint64_t ring_bytes, size_t head_extents) {
  streamed_.assign(reads_.size(), kNone);
  last_parts_.clear();
  starts_.clear();
  arrivals_.clear();
  uint64_t end = 0, at = 0;  // at: end, modulo the ring.
  for (size_t i = 0; i < reads_.size(); ++i) {
    if (reads_[i].rank < head_extents) continue;
    const uint64_t bytes = reads_[i].bytes;
    if (bytes > ring_bytes - at) {
      end += ring_bytes - at;
      at = 0;
    }
    streamed_[i] = starts_.size();
    starts_.push_back(end);
    last_parts_.push_back(reads_[i].last_part);
    end += bytes;
    at = at + bytes == ring_bytes ? 0 : at + bytes;
  }
  const double drive_bytes_per_s = DriveRate(costs_, ring_bytes);
  copied_.assign(costs_.copy_bytes_per_s > 0 ? starts_.size() : 0, 0.0);
  double clock = costs_.first_read_seconds, gate = 0, finish = 0,
         copy_clock = 0;
  size_t read = 0, freed = 0;  // Of the program; of the streamed ones.
  for (size_t t = 0; t < parts_.size(); ++t) {
    if (parts_[t].read && streamed_[*parts_[t].read] != kNone) {
      for (; read <= *parts_[t].read; ++read) {
        if (streamed_[read] == kNone) continue;
        const size_t n = streamed_[read];
        const uint64_t bytes = reads_[read].bytes;
        for (; starts_[n] + bytes > starts_[freed] + ring_bytes; ++freed) {
          if (freed == n || last_parts_[freed] >= t) return kNever;
          gate = std::max(gate, finish_[last_parts_[freed]]);
        }
        clock = std::max(clock, gate) +
                static_cast<double>(bytes) / drive_bytes_per_s;
        arrivals_.push_back(clock);
      }
      const size_t n = streamed_[*parts_[t].read];
      double there = arrivals_[n];
      if (!copied_.empty()) {
        if (copied_[n] == 0) {
          const double enqueued =
              t < kTicketsOpenMax ? 0 : finish_[t - kTicketsOpenMax];
          copy_clock = std::max({copy_clock, there, enqueued}) +
                       static_cast<double>(reads_[*parts_[t].read].bytes) /
                           costs_.copy_bytes_per_s;
          copied_[n] = copy_clock;
        }
        there = copied_[n];
      }
      finish = std::max(finish, there);
    }
    finish += parts_[t].seconds;
    finish_[t] = finish;
  }
  return finish;
}

}  // namespace layerd
