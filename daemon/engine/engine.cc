#include "daemon/engine/engine.h"

#include <condition_variable>
#include <mutex>
#include <utility>

#include "config/status_macros.h"

namespace layerd {
namespace {

// A job's answer, for one who waits.
class Answer {
 public:
  void Set(const absl::Status& status, const JobStats& stats) {
    const std::lock_guard<std::mutex> lock(mutex_);
    status_ = status;
    stats_ = stats;
    answered_ = true;
    changed_.notify_one();  // Under the lock: after it, this may be gone.
  }
  absl::Status Wait(JobStats* stats) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return answered_; });
    if (stats != nullptr) *stats = stats_;
    return status_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool answered_ = false;
  absl::Status status_;
  JobStats stats_;
};

}  // namespace

Engine::~Engine() = default;

absl::Status Engine::Run(std::unique_ptr<Job> job, JobStats* stats) {
  Answer answer;
  job->arrival = MonotonicClock().now();
  job->done = [&answer](const absl::Status& status, const JobStats& stats) {
    answer.Set(status, stats);
  };
  RETURN_IF_ERROR(Submit(std::move(job)));
  return answer.Wait(stats);
}

absl::Status Engine::Run(const std::shared_ptr<Model>& model,
                         const std::vector<std::span<const std::byte>>& inputs,
                         const std::vector<std::span<std::byte>>& outputs,
                         JobStats* stats) {
  auto job = std::make_unique<Job>();
  job->model = model;
  job->inputs = inputs;
  job->outputs = outputs;
  job->level = model->level();
  return Run(std::move(job), stats);
}

}  // namespace layerd
