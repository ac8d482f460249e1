#include "daemon/ctl/watched_jobs.h"

#include <utility>

#include "absl/status/status.h"

namespace layerd {
namespace {

constexpr char kJob[] = "job", kPreempted[] = "preempted",
               kRefused[] = "refused";

bool IsCounted(const admin::TraceEvent& event) {
  return event.kind() == kJob || event.kind() == kPreempted ||
         event.kind() == kRefused;
}

void Count(const admin::TraceEvent& event, WatchedJobs::Seen* seen) {
  if (event.kind() == kPreempted) {
    ++seen->preemptions;
    return;
  }
  const auto code = static_cast<absl::StatusCode>(event.number());
  if (code == absl::StatusCode::kOk) {
    seen->latencies_ms.push_back(static_cast<double>(event.duration_ns()) /
                                 1e6);
  } else if (code == absl::StatusCode::kDeadlineExceeded) {
    ++seen->late;
  } else {
    ++seen->failed;
  }
}

}  // namespace

WatchedJobs::SeenModels WatchedJobs::LookAt(const admin::TraceResponse& trace) {
  SeenModels models;
  std::set<Key> told;
  for (const admin::TraceEvent& event : trace.events()) {
    if (!IsCounted(event)) continue;
    Key key(event.kind(), event.job(), event.begin_ns());
    if (!counted_.contains(key)) {
      Count(event, &models[{event.model(), event.version()}]);
    }
    told.insert(std::move(key));
  }
  counted_ = std::move(told);
  return models;
}

}  // namespace layerd
