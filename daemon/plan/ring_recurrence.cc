#include "daemon/plan/ring_recurrence.h"

#include <algorithm>
#include <numeric>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"

namespace layerd {
namespace {

// Where each extent starts, in bytes since the first lap, skipped rests
// included.
std::vector<uint64_t> Place(std::span<const uint64_t> reads_bytes,
                            uint64_t ring_bytes) {
  std::vector<uint64_t> starts;
  starts.reserve(reads_bytes.size());
  uint64_t end = 0;
  for (const uint64_t bytes : reads_bytes) {
    const uint64_t rest = ring_bytes - end % ring_bytes;
    starts.push_back(bytes > rest ? end + rest : end);
    end = starts.back() + bytes;
  }
  return starts;
}

absl::Status CheckCase(const RingCase& c) {
  for (size_t i = 0; i < c.reads_bytes.size(); ++i) {
    if (c.reads_bytes[i] > c.ring_bytes) {
      return absl::InvalidArgumentError(
          absl::StrFormat("read %d of %d bytes is larger than the ring of %d",
                          i, c.reads_bytes[i], c.ring_bytes));
    }
  }
  for (size_t t = 0; t < c.parts.size(); ++t) {
    if (c.parts[t].read && *c.parts[t].read >= c.reads_bytes.size()) {
      return absl::InvalidArgumentError(
          absl::StrFormat("part %d names read %d of %d", t, *c.parts[t].read,
                          c.reads_bytes.size()));
    }
  }
  return absl::OkStatus();
}

// The machine, one part after another.
class Recurrence {
 public:
  explicit Recurrence(const RingCase& ring_case)
      : c_(ring_case),
        starts_(Place(c_.reads_bytes, c_.ring_bytes)),
        last_user_(c_.reads_bytes.size()),
        arrival_(c_.reads_bytes.size(), 0.0),
        copied_(c_.copy_bytes_per_s > 0 ? c_.reads_bytes.size() : 0, 0.0),
        clock_(c_.first_read_seconds + c_.block_read_seconds) {
    finish_.reserve(c_.parts.size());
    for (size_t t = 0; t < c_.parts.size(); ++t) {
      if (c_.parts[t].read) last_user_[*c_.parts[t].read] = t;
    }
  }

  absl::StatusOr<std::vector<double>> Run() {
    for (const TimedPart& part : c_.parts) {
      double ready =
          finish_.empty() ? c_.block_compute_seconds : finish_.back();
      if (part.read) {
        while (done_ <= *part.read) RETURN_IF_ERROR(ReadNext());
        const double there = Arrival(*part.read);
        if (there > 0) {
          ready = std::max(ready, there + c_.block_compute_seconds);
        }
      }
      finish_.push_back(ready + part.seconds);
    }
    return std::move(finish_);
  }

 private:
  // Where the next part computes.
  double Arrival(size_t read) {
    if (copied_.empty()) return arrival_[read];
    double& copied = copied_[read];
    if (copied > 0) return copied;
    const size_t next = finish_.size();
    const double enqueued = next < kTicketsOpenMax
                                ? c_.block_compute_seconds
                                : finish_[next - kTicketsOpenMax];
    copy_clock_ =
        std::max({copy_clock_, arrival_[read], enqueued}) +
        static_cast<double>(c_.reads_bytes[read]) / c_.copy_bytes_per_s;
    return copied = copy_clock_;
  }

  absl::Status ReadNext() {
    const uint64_t end = starts_[done_] + c_.reads_bytes[done_];
    while (end > starts_[freed_] + c_.ring_bytes) {
      if (freed_ == done_ || last_user_[freed_] >= finish_.size()) {
        return absl::InvalidArgumentError(absl::StrFormat(
            "part %d waits for room that it holds itself in a ring of %d bytes",
            finish_.size(), c_.ring_bytes));
      }
      gate_ =
          std::max(gate_, finish_[last_user_[freed_]] + c_.block_read_seconds);
      ++freed_;
    }
    if (end > c_.prefilled_bytes) {
      clock_ =
          std::max(clock_, gate_) +
          static_cast<double>(c_.reads_bytes[done_]) / c_.drive_bytes_per_s;
      arrival_[done_] = clock_;
    }
    ++done_;
    return absl::OkStatus();
  }

  const RingCase& c_;
  const std::vector<uint64_t> starts_;
  std::vector<size_t> last_user_;  // Of each read: a part.
  std::vector<double> arrival_;    // 0: it was there.
  std::vector<double> copied_;     // 0: not yet. None without a copy stage.
  std::vector<double> finish_;
  double clock_;           // When the drive is free.
  double copy_clock_ = 0;  // When the copy engine is.
  double gate_ = 0;        // When the room of the next read is free.
  size_t done_ = 0;        // Reads [0, done_) were started.
  size_t freed_ = 0;       // Rooms [0, freed_) have returned.
};

struct Weighed {
  double bytes, seconds;
};

// An extent counts where it is first used.
std::vector<Weighed> Weigh(const RingCase& c) {
  std::vector<Weighed> weighed;
  weighed.reserve(c.parts.size());
  size_t seen = 0;  // Reads [0, seen) have been counted.
  for (const TimedPart& part : c.parts) {
    double bytes = 0;
    if (part.read) {
      for (; seen <= *part.read; ++seen) {
        bytes += static_cast<double>(c.reads_bytes[seen]);
      }
    }
    weighed.push_back({bytes, part.seconds});
  }
  return weighed;
}

// Until a part ends, at most the bytes of those before it and a memory full
// have come; they come without a pause while that leaves room.
double FlowSeconds(std::span<const Weighed> parts, double rate,
                   double memory_bytes, double prefilled_bytes) {
  std::vector<double> finish;
  finish.reserve(parts.size());
  double clock = 0, come = prefilled_bytes, needed = 0;
  double gone = 0;   // Of the parts [0, freed).
  size_t freed = 0;  // Whose room has come back.
  for (size_t t = 0; t < parts.size(); ++t) {
    needed += parts[t].bytes;
    double ready = t > 0 ? finish[t - 1] : 0;
    if (parts[t].bytes > 0 && needed > prefilled_bytes) {
      while (come < needed) {
        const double room_end = gone + memory_bytes;
        if (come < room_end || freed == t) {  // Else it never fits: let it.
          const double until = freed == t ? needed : std::min(room_end, needed);
          clock = std::max(clock, freed > 0 ? finish[freed - 1] : 0) +
                  (until - come) / rate;
          come = until;
        } else {
          gone += parts[freed++].bytes;
        }
      }
      ready = std::max(ready, clock);
    }
    finish.push_back(ready + parts[t].seconds);
  }
  return finish.empty() ? 0 : finish.back();
}

}  // namespace

absl::StatusOr<std::vector<double>> RingFinishTimes(const RingCase& ring_case) {
  RETURN_IF_ERROR(CheckCase(ring_case));
  return Recurrence(ring_case).Run();
}

double LowerBounds::greatest_seconds() const {
  return std::max(
      {compute_seconds, io_seconds, capacity_seconds, flow_seconds});
}

LowerBounds AnyScheduleBounds(const RingCase& ring_case,
                              uint64_t memory_bytes) {
  const std::vector<Weighed> parts = Weigh(ring_case);
  const size_t n = parts.size();
  const double rate =
      ring_case.copy_bytes_per_s > 0
          ? std::min(ring_case.drive_bytes_per_s, ring_case.copy_bytes_per_s)
          : ring_case.drive_bytes_per_s;
  const double prefilled = static_cast<double>(ring_case.prefilled_bytes);
  LowerBounds bounds;
  if (n == 0) return bounds;
  bounds.flow_seconds =
      FlowSeconds(parts, rate, static_cast<double>(memory_bytes), prefilled);
  // Up to and with part t: its bytes read, its compute done.
  std::vector<double> ends(n), done(n);
  double bytes = 0, seconds = 0;
  for (size_t t = 0; t < n; ++t) {
    ends[t] = bytes += parts[t].bytes;
    done[t] = seconds += parts[t].seconds;
  }
  bounds.compute_seconds = done.back();
  // chain[k]: the latest that follows from the bytes of part k and later.
  std::vector<double> chain(n);
  for (size_t t = n; t-- > 0;) {
    const double rest = done.back() - done[t] + parts[t].seconds;
    bounds.io_seconds = std::max(
        bounds.io_seconds, std::max(0.0, ends[t] - prefilled) / rate + rest);
    chain[t] = ends[t] / rate + rest;
    if (t + 1 < n) chain[t] = std::max(chain[t], chain[t + 1]);
  }
  for (size_t j = 0; j < n; ++j) {
    const double seen =
        ends[j] - parts[j].bytes + static_cast<double>(memory_bytes);
    const size_t k =
        std::upper_bound(ends.begin(), ends.end(), seen) - ends.begin();
    if (k < n) {
      bounds.capacity_seconds =
          std::max(bounds.capacity_seconds, done[j] - seen / rate + chain[k]);
    }
  }
  return bounds;
}

double MemoryFloorBytes(const RingCase& ring_case, double overhead) {
  double bytes = 0, seconds = 0;
  for (const Weighed& part : Weigh(ring_case)) {
    bytes += part.bytes;
    seconds += part.seconds;
  }
  return std::max(
      0.0, bytes - ring_case.drive_bytes_per_s * seconds * (1 + overhead));
}

}  // namespace layerd
