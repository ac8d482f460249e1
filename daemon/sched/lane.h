#ifndef LAYERD_DAEMON_SCHED_LANE_H_
#define LAYERD_DAEMON_SCHED_LANE_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "config/limits.h"
#include "daemon/rt/clock.h"
#include "daemon/sched/job.h"

namespace layerd {

// A level's place to run: its ring, its arena, and one job at a time in them.
// All that the scheduler knows of what a job does. Twins: ExecutorLane, and the
// simulated lane of test/sim.
//
//   free --Begin()--> on --RunPart()...--> finished --Finish()--> --End()-->
//   free
//                      \________________________________________/
//
// Threading: executor thread.
class Lane {
 public:
  virtual ~Lane() = default;

  // True if Begin() need not wait; else what was read ahead for another job has
  // to land first, 512 KiB at most, and the bell rings then.
  // REQUIRES: free.
  virtual bool FreeFor(const Job& job) = 0;
  // Begins to read; computes nothing. After an error the lane is free. A job
  // whose model was replaced while it waited gets the one in its place.
  // REQUIRES: free; `job` outlives its End().
  virtual absl::Status Begin(Job& job) = 0;
  // True if the next part need not wait for the drive. The error of an earlier
  // part, as RunPart() and Finish() may.
  virtual absl::StatusOr<bool> Ready() = 0;
  virtual absl::Status RunPart() = 0;
  virtual bool finished() const = 0;
  // Writes the outputs.
  virtual absl::Status Finish() = 0;
  // Also in the middle: then the job may be answered already, and its inputs
  // and outputs gone. Waits for what it has in flight.
  virtual void End() = 0;
  // True if End() need not wait for the drive. Nothing more is read for the
  // job, and after a false the bell rings when what is in flight has landed.
  // REQUIRES: on; it and End() alone are called after it, and what tells.
  virtual bool MayEnd() = 0;

  // There is nothing else to do: reads for the job that is expected next. False
  // if what was read for another has to land first: the bell rings then, and it
  // is to be asked again.
  // REQUIRES: free.
  virtual bool ReadAhead(Instant now) = 0;

  virtual size_t next_part() const = 0;
  virtual size_t part_count() const = 0;
  // Of the job that is on, or was the last.
  virtual std::chrono::nanoseconds load_wait() const = 0;
  virtual uint64_t read_bytes() const = 0;
};

// By level, the most urgent first; null where no model has memory. Loans.
using Lanes = std::array<Lane*, kLevelsMax>;

}  // namespace layerd

#endif  // LAYERD_DAEMON_SCHED_LANE_H_
