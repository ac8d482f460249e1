#ifndef LAYERD_DAEMON_PLAN_COSTS_H_
#define LAYERD_DAEMON_PLAN_COSTS_H_

#include <cstddef>
#include <vector>

namespace layerd {

// How a drive reads, measured over and over; 0: it was not.
struct DriveSpeed {
  // Nine looks of ten are no slower than the slow ones.
  static constexpr double kSlowShare = 0.1;

  double bytes_per_s = 0;         // As a rule,
  double first_read_seconds = 0;  // and of one small read after a pause.
  double slow_bytes_per_s = 0;
  double slow_first_read_seconds = 0;
  // What a batch of reads takes beside its bytes: fewer in flight are slower
  // (drive_rate.h).
  double turn_seconds = 0;
};

// What a program costs on a machine.
struct Costs {
  std::vector<double> part_seconds = {};  // In execution order.
  double drive_bytes_per_s = 0;  // With as much in flight as there ever is.
  double drive_turn_seconds = 0;
  double first_read_seconds = 0;
  // As DriveSpeed has these; 0: not known.
  double slow_drive_bytes_per_s = 0, slow_first_read_seconds = 0;
  // Of a device with memory of its own, to which weights are copied; 0: none.
  double copy_bytes_per_s = 0;
  double launch_seconds = 0;  // What each part costs a device beside computing.
  // Of one job, that a device has been given at a time; on a CPU a part is done
  // when whoever gave it goes on.
  size_t parts_open_max = 1;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_COSTS_H_
