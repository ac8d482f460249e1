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

// Where the reads behind the head lie in the ring.
void LatencyTable::Place(uint64_t ring_bytes, size_t head_extents) {
  streamed_.assign(reads_.size(), kNone);
  last_parts_.clear();
  starts_.clear();
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
}

// When each part ends, read by read: as Recurrence in ring_recurrence.cc, whose
// words these are; a test holds them together.
class LatencyTable::Clocks {
 public:
  Clocks(LatencyTable& table, uint64_t ring_bytes)
      : t_(table),
        ring_bytes_(ring_bytes),
        drive_bytes_per_s_(DriveRate(table.costs_, ring_bytes)),
        clock_(table.costs_.first_read_seconds) {
    t_.arrivals_.clear();
    t_.copied_.assign(t_.costs_.copy_bytes_per_s > 0 ? t_.starts_.size() : 0,
                      0.0);
  }

  double LastFinish() {
    double finish = 0;
    for (size_t part = 0; part < t_.parts_.size(); ++part) {
      const TimedPart& timed = t_.parts_[part];
      if (timed.read && t_.streamed_[*timed.read] != kNone) {
        for (; read_ <= *timed.read; ++read_) {
          if (t_.streamed_[read_] != kNone && !Read(part)) return kNever;
        }
        finish = std::max(finish, Arrival(*timed.read, part));
      }
      finish += timed.seconds;
      t_.finish_[part] = finish;
    }
    return finish;
  }

 private:
  // read_, once there is room. False if `part` holds that itself.
  bool Read(size_t part) {
    const size_t n = t_.streamed_[read_];
    const uint64_t bytes = t_.reads_[read_].bytes;
    for (; t_.starts_[n] + bytes > t_.starts_[freed_] + ring_bytes_; ++freed_) {
      if (freed_ == n || t_.last_parts_[freed_] >= part) return false;
      gate_ = std::max(gate_, t_.finish_[t_.last_parts_[freed_]]);
    }
    clock_ = std::max(clock_, gate_) +
             static_cast<double>(bytes) / drive_bytes_per_s_;
    t_.arrivals_.push_back(clock_);
    return true;
  }

  // Where `part` computes.
  double Arrival(size_t read, size_t part) {
    const size_t n = t_.streamed_[read];
    if (t_.copied_.empty()) return t_.arrivals_[n];
    double& copied = t_.copied_[n];
    if (copied > 0) return copied;
    const double enqueued =
        part < kTicketsOpenMax ? 0 : t_.finish_[part - kTicketsOpenMax];
    copy_clock_ =
        std::max({copy_clock_, t_.arrivals_[n], enqueued}) +
        static_cast<double>(t_.reads_[read].bytes) / t_.costs_.copy_bytes_per_s;
    return copied = copy_clock_;
  }

  LatencyTable& t_;
  const uint64_t ring_bytes_;
  const double drive_bytes_per_s_;
  double clock_;           // When the drive is free.
  double copy_clock_ = 0;  // When the copy engine is.
  double gate_ = 0;        // When the room of the next read is free.
  size_t read_ = 0;        // Reads [0, read_) of the program were started.
  size_t freed_ = 0;       // Rooms [0, freed_) of streamed ones have returned.
};

double LatencyTable::WorkOut(uint64_t ring_bytes, size_t head_extents) {
  Place(ring_bytes, head_extents);
  return Clocks(*this, ring_bytes).LastFinish();
}

}  // namespace layerd
