#include "daemon/plan/ring_paths.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "config/check.h"
#include "config/status_macros.h"

namespace layerd {
namespace {

constexpr double kNone = -std::numeric_limits<double>::infinity();
// Of sides, each way, that are looked at one by one.
constexpr size_t kChangesMax = 4;

// The longest paths with one number of turns, from those with one less.
struct Ends {
  std::vector<double> reads, parts;
};

Ends Longest(const RingCase& c, const std::vector<std::optional<size_t>>& gates,
             const Ends* one_less) {
  Ends ends{.reads = {}, .parts = {}};
  const bool first = one_less == nullptr;
  double drive = first ? c.first_read_seconds + c.block_read_seconds : kNone;
  for (size_t i = 0; i < gates.size(); ++i) {
    if (!first && gates[i]) {
      drive =
          std::max(drive, one_less->parts[*gates[i]] + c.block_read_seconds);
    }
    drive += static_cast<double>(c.reads_bytes[i]) / c.drive_bytes_per_s;
    ends.reads.push_back(drive);
  }
  double finish = first ? c.block_compute_seconds : kNone;
  for (const TimedPart& part : c.parts) {
    if (part.read) {
      finish =
          std::max(finish, ends.reads[*part.read] + c.block_compute_seconds);
    }
    ends.parts.push_back(finish += part.seconds);
  }
  return ends;
}

// What a job costs along a path of somebody else that has changed sides a
// number of times: up to and without read i, or part t, at the end of `reads`
// and `parts`. The `moved` are those where the last step was a read, or a part,
// and not a change: nobody changes sides twice in one place.
struct Sides {
  std::vector<double> reads, parts, moved_reads, moved_parts;
};

// Where the other's path goes when it leaves the drive after a read.
struct BackEdge {
  std::vector<size_t> part;  // By read.
  double seconds = 0;
};

void Walk(const RingCase& c, Sides* sides) {
  sides->moved_reads.assign(sides->reads.size(), kNone);
  sides->moved_parts.assign(sides->parts.size(), kNone);
  for (size_t i = 0; i < c.reads_bytes.size(); ++i) {
    const double read =
        static_cast<double>(c.reads_bytes[i]) / c.drive_bytes_per_s;
    sides->moved_reads[i + 1] = sides->reads[i] + read;
    sides->reads[i + 1] =
        std::max(sides->reads[i + 1], sides->moved_reads[i + 1]);
  }
  for (size_t t = 0; t < c.parts.size(); ++t) {
    sides->moved_parts[t + 1] = sides->parts[t] + c.parts[t].seconds;
    sides->parts[t + 1] =
        std::max(sides->parts[t + 1], sides->moved_parts[t + 1]);
  }
}

Sides Nowhere(const RingCase& c) {
  return {.reads = std::vector<double>(c.reads_bytes.size() + 1, kNone),
          .parts = std::vector<double>(c.parts.size() + 1, kNone),
          .moved_reads = {},
          .moved_parts = {}};
}

Sides Begin(const RingCase& c, bool at_drive) {
  Sides sides = Nowhere(c);
  (at_drive ? sides.reads : sides.parts)[0] = 0;
  Walk(c, &sides);
  return sides;
}

Sides Cross(const RingCase& c, const std::vector<std::optional<size_t>>& gates,
            const BackEdge& back, const Sides& before) {
  Sides sides = Nowhere(c);
  for (size_t i = 0; i < gates.size(); ++i) {
    if (gates[i]) {
      sides.reads[i] = before.moved_parts[*gates[i] + 1] + c.block_read_seconds;
    }
    double& part = sides.parts[back.part[i]];
    part = std::max(part, before.moved_reads[i + 1] + back.seconds);
  }
  Walk(c, &sides);
  return sides;
}

// [to the drive][to the processor]: the most with so many changes.
using ByChanges =
    std::array<std::array<double, kChangesMax + 1>, kChangesMax + 1>;

ByChanges MostByChanges(const RingCase& c,
                        const std::vector<std::optional<size_t>>& gates,
                        const BackEdge& back) {
  ByChanges most;
  for (auto& row : most) row.fill(kNone);
  for (const bool at_drive : {true, false}) {
    Sides sides = Begin(c, at_drive);
    for (size_t changes = 0; changes <= 2 * kChangesMax; ++changes) {
      const bool ends_at_drive = at_drive == (changes % 2 == 0);
      const size_t few = changes / 2, many = changes - few;
      double& of = most[at_drive ? few : many][at_drive ? many : few];
      of =
          std::max(of, ends_at_drive ? sides.reads.back() : sides.parts.back());
      sides = Cross(c, gates, back, sides);
    }
  }
  return most;
}

// After a read all parts before the one that made room for it have ended.
BackEdge AfterRoom(const std::vector<std::optional<size_t>>& gates) {
  BackEdge back;
  for (const auto& gate : gates) back.part.push_back(gate ? *gate + 1 : 0);
  return back;
}

// Or a part waited for the read: then it is the part's own.
BackEdge AfterWait(const RingCase& c) {
  BackEdge back{.part = std::vector<size_t>(c.reads_bytes.size()),
                .seconds = c.block_compute_seconds};
  for (size_t t = c.parts.size(); t-- > 0;) {
    if (c.parts[t].read) back.part[*c.parts[t].read] = t;
  }
  return back;
}

}  // namespace

std::vector<std::optional<size_t>> RoomGates(const RingCase& c) {
  std::vector<size_t> last_user(c.reads_bytes.size());
  for (size_t t = 0; t < c.parts.size(); ++t) {
    if (c.parts[t].read) last_user[*c.parts[t].read] = t;
  }
  std::vector<std::optional<size_t>> gates;
  std::vector<uint64_t> starts;
  uint64_t end = 0;
  size_t freed = 0, newest = 0;
  for (const uint64_t bytes : c.reads_bytes) {
    const uint64_t rest = c.ring_bytes - end % c.ring_bytes;
    starts.push_back(bytes > rest ? end + rest : end);
    end = starts.back() + bytes;
    for (; end > starts[freed] + c.ring_bytes; ++freed) {
      newest = std::max(newest, last_user[freed]);
    }
    gates.push_back(freed > 0 ? std::optional<size_t>(newest) : std::nullopt);
  }
  return gates;
}

absl::StatusOr<std::vector<double>> RingPaths(const RingCase& ring_case) {
  LAYERD_CHECK(ring_case.prefilled_bytes == 0);
  RETURN_IF_ERROR(RingFinishTimes(ring_case).status());
  if (ring_case.parts.empty()) return std::vector<double>{0};
  const auto gates = RoomGates(ring_case);
  Ends ends = Longest(ring_case, gates, nullptr);
  std::vector<double> longest;
  while (ends.parts.back() > kNone) {
    longest.push_back(ends.parts.back());
    ends = Longest(ring_case, gates, &ends);
  }
  return longest;
}

CrossedCost CrossedCostOf(const RingCase& c) {
  const auto gates = RoomGates(c);
  const ByChanges room = MostByChanges(c, gates, AfterRoom(gates));
  const ByChanges wait = MostByChanges(c, gates, AfterWait(c));
  CrossedCost cost;
  cost.whole_seconds = std::max(room[0][0], wait[0][0]);
  double sum = cost.whole_seconds;
  for (size_t k = 0; k < kChangesMax; ++k) {
    const auto most = [&](size_t to_drive, size_t to_processor) {
      return std::min(room[to_drive][to_processor],
                      wait[to_drive][to_processor]);
    };
    // Without a full ring before it, a change costs the lower read in flight.
    const double least = c.reads_bytes.empty() ? 0 : c.block_read_seconds;
    const double to_drive = std::max(least, most(k + 1, k) - sum);
    const double to_processor = std::max(
        {0.0, most(k, k + 1) - sum, most(k + 1, k + 1) - sum - to_drive});
    cost.to_drive_seconds.push_back(to_drive);
    cost.to_processor_seconds.push_back(to_processor);
    sum += to_drive + to_processor;
  }
  return cost;
}

}  // namespace layerd
