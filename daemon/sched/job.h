#ifndef LAYERD_DAEMON_SCHED_JOB_H_
#define LAYERD_DAEMON_SCHED_JOB_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "daemon/model/model.h"
#include "daemon/rt/clock.h"

namespace layerd {

struct JobStats {
  uint32_t number = 0;  // Of the job, in the trace.
  std::chrono::nanoseconds queued{0};
  std::chrono::nanoseconds computing{0};  // Started to finished.
  std::chrono::nanoseconds load_wait{0};  // Of that, waiting for the drive.
  uint64_t read_bytes = 0;
  uint32_t preemptions = 0;  // How often a more urgent job took over.
};

// One inference of one model.
//
// Ownership: the submitter makes it and gives it to the scheduler; `inputs`
//            and `outputs` are memory of the submitter, loans until `done`
//            has been called. `done` is called exactly once, on the executor
//            thread, and may not block; the job is destroyed after it, a
//            dropped one when its lane is free.
struct Job {
  std::shared_ptr<Model> model;  // Keeps it from being torn down meanwhile.
  std::vector<std::span<const std::byte>> inputs;  // Plain, in model order.
  // Plain, in model order; an empty one is not wanted.
  std::vector<std::span<std::byte>> outputs;
  // How long each part computed is written here, one element a part; empty if
  // nobody wants to know. A loan as the two above.
  std::span<std::chrono::nanoseconds> part_times;
  // It reads as one below the most urgent, whatever its level: whoever takes
  // its place waits for few bytes that are still on their way.
  bool low = false;
  int level = 3;
  int task = -1;  // Which of the declared tasks it is a job of; -1: none.
  Instant arrival{};
  Instant deadline = Instant::max();  // None.
  // Of a declared task: what it was declared with, whatever the request asks
  // for; 0: not declared. The order inside a level goes by it.
  std::chrono::nanoseconds declared_deadline{0};
  // How long it will have the machine, for those who wait behind it; 0: not
  // known.
  std::chrono::nanoseconds predicted{0};
  // What was promised: from arrival to answer, and of that computing; 0:
  // nothing.
  std::chrono::nanoseconds promised_response{0};
  std::chrono::nanoseconds promised_compute{0};
  // Set by anyone: the job is dropped at the next part boundary (CANCELLED).
  std::shared_ptr<std::atomic<bool>> cancelled;
  // Who names no deadline is due so long after his arrival: else those that do
  // could go before him for ever.
  static constexpr std::chrono::minutes kDueWithoutDeadline{1};
  Instant due() const {
    if (declared_deadline.count() > 0) return arrival + declared_deadline;
    return deadline == Instant::max() ? arrival + kDueWithoutDeadline
                                      : deadline;
  }
  // With OK the outputs are written.
  std::function<void(const absl::Status& status, const JobStats& stats)> done;
  // The scheduler's: in the trace; how many jobs had overrun their plans, and
  // for how long it had waited for the drive, when this one came; in its inbox.
  uint32_t number = 0;
  uint64_t overruns_before = 0;
  std::chrono::nanoseconds stalled_before{0};
  Job* arrived_before = nullptr;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SCHED_JOB_H_
