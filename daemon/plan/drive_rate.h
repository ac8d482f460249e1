#ifndef LAYERD_DAEMON_PLAN_DRIVE_RATE_H_
#define LAYERD_DAEMON_PLAN_DRIVE_RATE_H_

#include <cstdint>

#include "daemon/plan/costs.h"
#include "daemon/plan/ring_recurrence.h"

namespace layerd {

// What a batch of reads takes beside its bytes, from the rates with
// `in_flight_bytes` in flight and with half as many. Not below 0.
double TurnSeconds(double bytes_per_s, double half_bytes_per_s,
                   uint64_t in_flight_bytes);

// Bytes a second into a ring of that size: a small one has little in flight, so
// the turns between its batches count for more.
double DriveRate(const Costs& costs, uint64_t ring_bytes);

// What `costs` say of a ring of that size and of the ways of bytes into it and
// out of it. The program, and what is there at the start, are left to say.
RingCase RingCaseOf(const Costs& costs, uint64_t ring_bytes);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_DRIVE_RATE_H_
