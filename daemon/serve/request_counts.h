#ifndef LAYERD_DAEMON_SERVE_REQUEST_COUNTS_H_
#define LAYERD_DAEMON_SERVE_REQUEST_COUNTS_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "daemon/sched/job.h"

namespace layerd {

// What became of the requests of each model, since the start: what Triton's
// statistics extension tells.
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
    uint64_t last_ms = 0;  // Since the epoch.
  };

  // Of a request that has reached its model. `input`: from its arrival until
  // the job was made; `total`: until it was answered.
  void Note(const std::string& model, const std::string& version, bool ok,
            const JobStats& stats, std::chrono::nanoseconds input,
            std::chrono::nanoseconds total) {
    using std::chrono::nanoseconds;
    const std::lock_guard<std::mutex> lock(mutex_);
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
  }

  Counts Of(const std::string& model, const std::string& version) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = counts_.find({model, version});
    return found == counts_.end() ? Counts() : found->second;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, Counts> counts_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_REQUEST_COUNTS_H_
