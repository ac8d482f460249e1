#ifndef LAYERD_DAEMON_PLAN_COSTS_H_
#define LAYERD_DAEMON_PLAN_COSTS_H_

#include <vector>

namespace layerd {

// What a program costs on a machine.
struct Costs {
  std::vector<double> part_seconds = {};  // In execution order.
  double drive_bytes_per_s = 0;
  double first_read_seconds = 0;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_COSTS_H_
