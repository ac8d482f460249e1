#ifndef LAYERD_DAEMON_PLAN_LATENCY_TABLE_H_
#define LAYERD_DAEMON_PLAN_LATENCY_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "daemon/plan/costs.h"
#include "daemon/plan/program.h"
#include "daemon/plan/ring_demand.h"
#include "daemon/plan/ring_recurrence.h"

namespace layerd {

// Cold latency of one program over ring and resident head: what the planner
// looks up thousands of times. The recurrence is that of RingFinishTimes(), on
// arrays made once; each entry is worked out when it is first asked for.
//
// Heads are those of RingDemand, thinned out to steps of a few percent; which
// they are does not depend on the budget, so that the plans of a larger budget
// contain those of a smaller one.
//
// Units:     bytes, seconds.
// Ownership: `program` and `demand` outlive the table.
// Threading: one thread.
class LatencyTable {
 public:
  // REQUIRES: costs have all parts of the program, and a drive.
  LatencyTable(const Program& program, const RingDemand& demand, Costs costs);

  // The heads that are worth a look, as steps of the demand: none and all of
  // it are among them.
  const std::vector<size_t>& head_steps() const { return head_steps_; }

  // Greatest double if the ring is too small for that head.
  double ColdSeconds(uint64_t ring_bytes, size_t step);
  double resident_seconds() const { return resident_seconds_; }
  size_t parts() const { return parts_.size(); }
  const RingDemand& demand() const { return demand_; }

 private:
  class Clocks;
  double WorkOut(uint64_t ring_bytes, size_t head_extents);
  void Place(uint64_t ring_bytes, size_t head_extents);

  struct Read {
    uint64_t bytes = 0;
    size_t rank = 0;  // Of its extent in the order of first use.
    size_t last_part = 0;
  };

  const RingDemand& demand_;
  std::vector<Read> reads_;
  std::vector<TimedPart> parts_;
  Costs costs_;  // Of the drive and the device.
  double resident_seconds_ = 0;
  std::vector<size_t> head_steps_;
  std::map<std::pair<uint64_t, size_t>, double> known_;
  // Scratch of WorkOut(): by streamed read, by part; but streamed_, by read.
  std::vector<uint64_t> starts_;
  std::vector<double> arrivals_, copied_, finish_;
  std::vector<size_t> streamed_, last_parts_;
};

// Ring sizes that are worth a look, rising: the same for every budget.
std::vector<uint64_t> RingSizes();

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_LATENCY_TABLE_H_
