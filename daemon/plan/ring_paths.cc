#include "daemon/plan/ring_paths.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "config/check.h"
#include "config/status_macros.h"

namespace layerd {
namespace {

constexpr double kNone = -std::numeric_limits<double>::infinity();

// For each read, the part whose end makes room for it; none: there was room.
std::vector<std::optional<size_t>> Gates(const RingCase& c) {
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

}  // namespace

absl::StatusOr<std::vector<double>> RingPaths(const RingCase& ring_case) {
  LAYERD_CHECK(ring_case.prefilled_bytes == 0);
  RETURN_IF_ERROR(RingFinishTimes(ring_case).status());
  if (ring_case.parts.empty()) return std::vector<double>{0};
  const auto gates = Gates(ring_case);
  Ends ends = Longest(ring_case, gates, nullptr);
  std::vector<double> longest;
  while (ends.parts.back() > kNone) {
    longest.push_back(ends.parts.back());
    ends = Longest(ring_case, gates, &ends);
  }
  return longest;
}

double ReadThenComputeSeconds(const RingCase& c) {
  double rest = 0;
  for (const TimedPart& part : c.parts) rest += part.seconds;
  double most = rest;
  size_t done = 0;  // Parts that must have ended before.
  uint64_t read_bytes = 0, held_bytes = 0;
  size_t oldest = 0;
  for (const uint64_t bytes : c.reads_bytes) {
    read_bytes += bytes;
    held_bytes += bytes;
    for (; held_bytes > c.ring_bytes; ++oldest) {
      held_bytes -= c.reads_bytes[oldest];
    }
    while (done < c.parts.size() &&
           (!c.parts[done].read || *c.parts[done].read < oldest)) {
      rest -= c.parts[done++].seconds;
    }
    most = std::max(
        most, static_cast<double>(read_bytes) / c.drive_bytes_per_s + rest);
  }
  return most;
}

}  // namespace layerd
