#ifndef LAYERD_DAEMON_SERVE_REQUEST_COUNTS_H_
#define LAYERD_DAEMON_SERVE_REQUEST_COUNTS_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "config/limits.h"
#include "daemon/sched/job.h"
#include "daemon/serve/latency_histogram.h"

namespace layerd {

// What became of the requests of one model, since the start.
//
// Why atomics: who answers counts, and neither waits for who reads nor
// allocates. Who reads may see one number of a request before another: how many
// succeeded is in succeeded().
//
// Threading: any thread.
class ModelCounts {
 public:
  class Duration {
   public:
    void Add(std::chrono::nanoseconds time) {
      count_.fetch_add(1, std::memory_order_relaxed);
      sum_ns_.fetch_add(time.count(), std::memory_order_relaxed);
    }
    uint64_t count() const { return count_.load(std::memory_order_relaxed); }
    std::chrono::nanoseconds sum() const {
      return std::chrono::nanoseconds(sum_ns_.load(std::memory_order_relaxed));
    }

   private:
    std::atomic<uint64_t> count_{0};
    std::atomic<int64_t> sum_ns_{0};
  };

  // Of a request that has reached its model. `input`: from its arrival until
  // the job was made; `total`: until it was answered.
  void Note(bool ok, const JobStats& stats, std::chrono::nanoseconds input,
            std::chrono::nanoseconds total) {
    using std::chrono::nanoseconds;
    last_ms.store(std::chrono::duration_cast<std::chrono::milliseconds>(
                      std::chrono::system_clock::now().time_since_epoch())
                      .count(),
                  std::memory_order_relaxed);
    if (!ok) return fail.Add(total);
    const auto add = [](Duration* to, nanoseconds time) {
      to->Add(std::max(time, nanoseconds(0)));
    };
    success.Add(total);
    add(&queue, stats.queued - input);  // It began with the arrival.
    this->input.Add(input);
    infer.Add(stats.computing);
    add(&output, total - stats.queued - stats.computing);
    total_times.Add(total);
    queue_times.Add(stats.queued);
    compute_times.Add(stats.computing);
    load_times.Add(stats.load_wait);
  }

  // Of one that was refused before it was queued: a failure to its client, and
  // to Triton's statistics.
  void NoteRefused(std::chrono::nanoseconds total) { fail.Add(total); }

  // Of every request, just before its client hears of it. Level 0: of none.
  void NoteEnd(int level, absl::StatusCode code) {
    ends_[static_cast<size_t>(level)][static_cast<size_t>(code)].fetch_add(
        1, std::memory_order_relaxed);
  }
  uint64_t ended(int level, absl::StatusCode code) const {
    return ends_[static_cast<size_t>(level)][static_cast<size_t>(code)].load(
        std::memory_order_relaxed);
  }

  // Of which each duration has its share.
  uint64_t succeeded() const { return output.count(); }

  // The last four follow each other, and add up to `success`.
  Duration success, fail, input, queue, infer, output;
  // Of those that succeeded: until answered, waiting for their turn, having
  // it, and of that waiting for the drive.
  LatencyHistogram total_times, queue_times, compute_times, load_times;
  std::atomic<int64_t> last_ms{0};  // Since the epoch.

 private:
  static constexpr size_t kCodes = 17;  // OK to UNAUTHENTICATED.
  std::array<std::array<std::atomic<uint64_t>, kCodes>, kLevelsMax + 1> ends_{};
};

// Of all models: what Triton's statistics extension and the metrics tell.
//
// Threading: any thread; a lock only to find a model.
class RequestCounts {
 public:
  struct Named {
    std::string model, version;
    const ModelCounts* counts;
  };

  // Lasts as long as this. Requests that name no model there is, ready or not,
  // have "" and "": names that clients make up are not kept.
  ModelCounts* Of(const std::string& model, const std::string& version) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return &counts_[{model, version}];
  }
  // By name, then version.
  std::vector<Named> all() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<Named> all;
    for (const auto& [name, counts] : counts_) {
      all.push_back({name.first, name.second, &counts});
    }
    return all;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, ModelCounts> counts_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_SERVE_REQUEST_COUNTS_H_
