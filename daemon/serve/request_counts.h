#ifndef LAYERD_DAEMON_SERVE_REQUEST_COUNTS_H_
#define LAYERD_DAEMON_SERVE_REQUEST_COUNTS_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "daemon/rt/inheriting_mutex.h"
#include "daemon/sched/job.h"
#include "daemon/serve/latency_histogram.h"

namespace layerd {

// What became of the requests of each model, since the start: what Triton's
// statistics extension and the metrics tell.
//
// Threading: any thread.
class RequestCounts {
 public:
  struct Duration {
    uint64_t count = 0;
    std::chrono::nanoseconds sum{0};
    void Add(std::chrono::nanoseconds time) {
      ++count;
      sum += time;
    }
  };
  struct Counts {
    Duration success, fail, queue, input, infer, output;
    // Of those that succeeded: until answered, waiting for their turn, having
    // it, and of that waiting for the drive.
    LatencyHistogram total_times, queue_times, compute_times, load_times;
    uint64_t last_ms = 0;  // Since the epoch.
  };
  using OfModels = std::map<std::pair<std::string, std::string>, Counts>;
  // Model and version, level, how it ended.
  using End = std::tuple<std::string, std::string, int, absl::StatusCode>;
  using Ends = std::map<End, uint64_t>;

  // Of a request that has reached its model. `input`: from its arrival until
  // the job was made; `total`: until it was answered.
  void Note(const std::string& model, const std::string& version, bool ok,
            const JobStats& stats, std::chrono::nanoseconds input,
            std::chrono::nanoseconds total) {
    using std::chrono::nanoseconds;
    const std::lock_guard<InheritingMutex> lock(mutex_);
    Counts& counts = counts_[{model, version}];
    counts.last_ms = static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(
            std::chrono::system_clock::now().time_since_epoch())
            .count());
    if (!ok) return counts.fail.Add(total);
    counts.success.Add(total);
    counts.queue.Add(stats.queued);
    counts.input.Add(input);
    counts.infer.Add(stats.computing);
    const nanoseconds rest = total - input - stats.queued - stats.computing;
    counts.output.Add(rest < nanoseconds(0) ? nanoseconds(0) : rest);
    counts.total_times.Add(total);
    counts.queue_times.Add(stats.queued);
    counts.compute_times.Add(stats.computing);
    counts.load_times.Add(stats.load_wait);
  }

  // Of every request, just before its client hears of it. One that names no
  // model there is has none here: names that clients make up are not kept.
  void NoteEnd(const std::string& model, const std::string& version, int level,
               absl::StatusCode code) {
    const std::lock_guard<InheritingMutex> lock(mutex_);
    ++ends_[{model, version, level, code}];
  }

  Counts Of(const std::string& model, const std::string& version) const {
    const std::lock_guard<InheritingMutex> lock(mutex_);
    const auto found = counts_.find({model, version});
    return found == counts_.end() ? Counts() : found->second;
  }
  OfModels counts() const {
    const std::lock_guard<InheritingMutex> lock(mutex_);
    return counts_;
  }
  Ends ends() const {
    const std::lock_guard<InheritingMutex> lock(mutex_);
    return ends_;
  }

 private:
  mutable InheritingMutex mutex_;  // The executor counts, too.
  OfModels counts_;
  Ends ends_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_REQUEST_COUNTS_H_
