#include "daemon/plan/drive_rate.h"

#include <algorithm>

#include "loader/in_flight.h"

namespace layerd {

double TurnSeconds(double bytes_per_s, double half_bytes_per_s,
                   uint64_t in_flight_bytes) {
  return std::max(0.0, (1 / half_bytes_per_s - 1 / bytes_per_s) *
                           static_cast<double>(in_flight_bytes));
}

double DriveRate(const Costs& costs, uint64_t ring_bytes) {
  const auto in_flight = static_cast<double>(InFlightBytesMax(ring_bytes));
  const double turns_more =
      1 / in_flight - 1 / static_cast<double>(kInFlightBytesMax);
  return 1 /
         (1 / costs.drive_bytes_per_s + costs.drive_turn_seconds * turns_more);
}

RingCase RingCaseOf(const Costs& costs, uint64_t ring_bytes) {
  RingCase ring_case;
  ring_case.drive_bytes_per_s = DriveRate(costs, ring_bytes);
  ring_case.copy_bytes_per_s = costs.copy_bytes_per_s;
  ring_case.ring_bytes = ring_bytes;
  return ring_case;
}

}  // namespace layerd
