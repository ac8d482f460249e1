#ifndef LAYERD_DAEMON_CTL_WATCHED_JOBS_H_
#define LAYERD_DAEMON_CTL_WATCHED_JOBS_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "admin.pb.h"

namespace layerd {

// What has become of the jobs of a daemon, and of requests that became none,
// between one look at its trace and the next. A trace is of the last events,
// most of which the one before had as well. They are told apart by what they
// are: by when they ended, those would be lost that end while the trace is
// told.
//
// Threading: one thread.
class WatchedJobs {
 public:
  struct Seen {
    std::vector<double> latencies_ms;  // Of those that were answered.
    uint64_t late = 0, failed = 0, preemptions = 0;
  };
  // By name and version.
  using SeenModels = std::map<std::pair<std::string, std::string>, Seen>;

  // Of what `trace` tells and the one before it did not.
  SeenModels LookAt(const admin::TraceResponse& trace);

 private:
  // Kind, job and begin of an event.
  using Key = std::tuple<std::string, uint32_t, int64_t>;

  std::set<Key> counted_;  // Of the last trace.
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_WATCHED_JOBS_H_
