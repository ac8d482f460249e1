#include "daemon/sched/admission.h"

#include "absl/strings/str_format.h"

namespace layerd {
namespace {

using Milliseconds = std::chrono::duration<double, std::milli>;

}  // namespace

absl::Status AdmitByPrediction(Instant now, Instant deadline, int level,
                               std::chrono::nanoseconds ahead,
                               std::chrono::nanoseconds own) {
  if (deadline == Instant::max()) return absl::OkStatus();
  if (now > deadline) {
    return absl::DeadlineExceededError(absl::StrFormat(
        "the deadline passed %.3f ms before the request was queued",
        Milliseconds(now - deadline).count()));
  }
  if (own + ahead <= deadline - now) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrFormat(
      "it would be answered in %.3f ms and its deadline is in %.3f: it takes "
      "%.3f, and %.3f ms of work of level %d and more urgent go first",
      Milliseconds(own + ahead).count(), Milliseconds(deadline - now).count(),
      Milliseconds(own).count(), Milliseconds(ahead).count(), level));
}

absl::Status TooOften(const std::string& model,
                      std::chrono::milliseconds period,
                      std::chrono::nanoseconds early) {
  return absl::ResourceExhaustedError(absl::StrFormat(
      "model %s declares a request each %d ms at most (period_ms), and this "
      "one comes %.3f ms too early: what is promised to others stands on that; "
      "declare a shorter period_ms, or ask with a priority that lower_to "
      "allows",
      model, period.count(), Milliseconds(early).count()));
}

}  // namespace layerd
