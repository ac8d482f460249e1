#include "daemon/sched/drop_reasons.h"

#include <chrono>

#include "absl/strings/str_format.h"

namespace layerd {
namespace {

using Milliseconds = std::chrono::duration<double, std::milli>;

}  // namespace

absl::Status ShuttingDown() {
  return absl::UnavailableError("the server is shutting down");
}

absl::Status QueueIsFull(size_t waiting, int level) {
  return absl::ResourceExhaustedError(absl::StrFormat(
      "%d requests wait already, as many as the queue of level %d holds "
      "(queue_jobs): try again later",
      waiting, level));
}

absl::Status TooLate(const Job& job, const Lane* lane, Instant now) {
  const double late_ms = Milliseconds(now - job.deadline).count();
  if (lane == nullptr) {
    return absl::DeadlineExceededError(absl::StrFormat(
        "the deadline passed %.3f ms before the request's turn came", late_ms));
  }
  return absl::DeadlineExceededError(
      absl::StrFormat("the deadline passed %.3f ms ago, after %d of %d parts",
                      late_ms, lane->next_part(), lane->part_count()));
}

absl::Status InTime(const Job& job, Instant now) {
  if (job.deadline == Instant::max() || job.promised_response.count() > 0 ||
      job.predicted <= job.deadline - now) {
    return absl::OkStatus();
  }
  return absl::DeadlineExceededError(absl::StrFormat(
      "its turn came %.3f ms before the deadline, and it takes %.3f ms",
      Milliseconds(job.deadline - now).count(),
      Milliseconds(job.predicted).count()));
}

}  // namespace layerd
