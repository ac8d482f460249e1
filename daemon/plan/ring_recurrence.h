#ifndef LAYERD_DAEMON_PLAN_RING_RECURRENCE_H_
#define LAYERD_DAEMON_PLAN_RING_RECURRENCE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"

namespace layerd {

// So many parts a device has been given at a time, as the executor has it.
inline constexpr size_t kTicketsOpenMax = 2;

// One part, as planning sees it.
struct TimedPart {
  std::optional<uint32_t> read;  // None: no weights, or resident ones.
  double seconds = 0;            // Of computing.
};

// A program on a machine: what decides its latency.
//
// Units: bytes, seconds, bytes a second.
struct RingCase {
  std::span<const uint64_t> reads_bytes;  // In the order they enter the ring.
  std::span<const TimedPart> parts;       // In execution order.
  double drive_bytes_per_s = 0;
  uint64_t ring_bytes = 0;
  uint64_t prefilled_bytes = 0;   // Of the ring, there when the job starts.
  double first_read_seconds = 0;  // Latency of the first read.
  // Of the copy to a device with memory of its own; 0: there is none.
  double copy_bytes_per_s = 0;
  // How long lower work may hold the drive, and the processor, each time this
  // job leaves it idle. With them the result is an upper bound.
  double block_read_seconds = 0;
  double block_compute_seconds = 0;
};

// When each part finishes if reader and compute are FIFO and every read starts
// as soon as its room is free: what the daemon does.
//
//   read(i)   = max(read(i - 1), return of the newest extent in its place)
//               + bytes(i) / rate
//   finish(t) = max(finish(t - 1), read(extent of t)) + seconds(t)
//
// With a copy stage a part waits for the copy of its extent, which starts when
// its first part is enqueued, kTicketsOpenMax tickets open at most:
//
//   copy(i)   = max(copy(i - 1), read(i), finish(first part of i - 2))
//               + bytes(i) / copy rate
//
// An extent is one piece of linear memory: one that would cross the ring's end
// starts again at 0. Its room returns when the last part that names it has
// finished and all older rooms have returned. O(parts + reads).
//
// Errors: INVALID_ARGUMENT if an extent is larger than the ring, or a part
//         waits for room that it holds itself.
absl::StatusOr<std::vector<double>> RingFinishTimes(const RingCase& ring_case);

// What no schedule beats that has `memory_bytes` for weights, of which
// prefilled_bytes hold the first ones when the job starts.
//
// compute:  the parts themselves.
// io:       part k and all after it follow the last byte of k.
// capacity: until part j ends, at most the bytes before it and a memory full
//           were read.
// flow:     all of these at once, part by part: the bytes flow one by one, in
//           the order of their use, into whatever room has come back. Never
//           less than the others, and what a memory without seams and extents
//           would take (README.md says why nothing beats it).
// An extent counts where it is first used: keeping it is allowed. Bytes come at
// the lower of the rates of drive and copy.
struct LowerBounds {
  double compute_seconds = 0;
  double io_seconds = 0;
  double capacity_seconds = 0;
  double flow_seconds = 0;
  double greatest_seconds() const;
};
LowerBounds AnyScheduleBounds(const RingCase& ring_case, uint64_t memory_bytes);

// Bytes below which no schedule keeps latency within (1 + overhead) of compute.
double MemoryFloorBytes(const RingCase& ring_case, double overhead);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_RING_RECURRENCE_H_
