#include "daemon/ctl/watched_jobs.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

constexpr int64_t kMs = 1'000'000;
const std::pair<std::string, std::string> kModel("m", "1");

void Add(const char* kind, uint32_t job, int64_t begin_ms, int64_t took_ms,
         absl::StatusCode code, admin::TraceResponse* trace) {
  admin::TraceEvent& event = *trace->add_events();
  event.set_kind(kind);
  event.set_model("m");
  event.set_version("1");
  event.set_job(job);
  event.set_number(static_cast<uint32_t>(code));
  event.set_begin_ns(begin_ms * kMs);
  event.set_duration_ns(took_ms * kMs);
}

TEST_CASE("Jobs are counted by how they ended") {
  admin::TraceResponse trace;
  Add("job", 1, 10, 3, absl::StatusCode::kOk, &trace);
  Add("part", 1, 10, 2, absl::StatusCode::kOk, &trace);
  Add("preempted", 1, 11, 0, absl::StatusCode::kOk, &trace);
  Add("preempted", 1, 12, 0, absl::StatusCode::kOk, &trace);
  Add("job", 2, 10, 5, absl::StatusCode::kDeadlineExceeded, &trace);
  Add("job", 3, 10, 1, absl::StatusCode::kCancelled, &trace);

  const WatchedJobs::Seen seen = WatchedJobs().LookAt(trace)[kModel];

  CHECK(seen.latencies_ms == std::vector<double>{3});
  CHECK(seen.preemptions == 2);
  CHECK(seen.late == 1);
  CHECK(seen.failed == 1);
}

TEST_CASE("Each version of a model has its own jobs") {
  admin::TraceResponse trace;
  Add("job", 1, 10, 3, absl::StatusCode::kOk, &trace);
  Add("job", 2, 10, 5, absl::StatusCode::kOk, &trace);
  trace.mutable_events(1)->set_version("2");

  auto seen = WatchedJobs().LookAt(trace);

  CHECK(seen[kModel].latencies_ms == std::vector<double>{3});
  CHECK(seen[{"m", "2"}].latencies_ms == std::vector<double>{5});
}

TEST_CASE("Requests that became no job are counted by why they were refused") {
  admin::TraceResponse trace;
  Add("refused", 0, 10, 1, absl::StatusCode::kResourceExhausted, &trace);
  Add("refused", 0, 11, 1, absl::StatusCode::kDeadlineExceeded, &trace);

  const WatchedJobs::Seen seen = WatchedJobs().LookAt(trace)[kModel];

  CHECK(seen.failed == 1);
  CHECK(seen.late == 1);
}

TEST_CASE("What two traces tell of is counted once") {
  admin::TraceResponse trace;
  Add("job", 1, 10, 3, absl::StatusCode::kOk, &trace);
  Add("preempted", 1, 11, 0, absl::StatusCode::kOk, &trace);
  WatchedJobs jobs;
  CHECK(jobs.LookAt(trace).size() == 1);
  CHECK(jobs.LookAt(trace).empty());
}

// The daemon reads its clock when it has told the trace.
TEST_CASE("A job that ends while a trace is told is counted with the next") {
  admin::TraceResponse trace;
  trace.set_now_ns(20 * kMs);
  WatchedJobs jobs;
  CHECK(jobs.LookAt(trace).empty());
  Add("job", 1, 10, 9, absl::StatusCode::kOk, &trace);
  trace.set_now_ns(30 * kMs);
  CHECK(jobs.LookAt(trace)[kModel].latencies_ms == std::vector<double>{9});
}

}  // namespace
}  // namespace layerd
