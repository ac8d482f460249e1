#ifndef LAYERD_DAEMON_PLAN_COSTS_H_
#define LAYERD_DAEMON_PLAN_COSTS_H_

#include <vector>

namespace layerd {

// What a program costs on a machine.
struct Costs {
  std::vector<double> part_seconds = {};  // In execution order.
  double drive_bytes_per_s = 0;
  double first_read_seconds = 0;
  // Of a device with memory of its own, to which weights are copied; 0: none.
  double copy_bytes_per_s = 0;
  double launch_seconds = 0;  // What each part costs a device beside computing.
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_COSTS_H_
