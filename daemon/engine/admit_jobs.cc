// The part of LocalEngine that lets jobs in, or says why not.
#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/engine/local_engine.h"
#include "daemon/sched/admission.h"

namespace layerd {
namespace {

using std::chrono::nanoseconds;

template <typename Spans>
absl::Status CheckSpans(const char* noun, const Spans& spans,
                        const std::vector<Model::Port>& ports,
                        bool may_be_empty) {
  if (spans.size() != ports.size()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%d %ss were given, the model has %d", spans.size(),
                        noun, ports.size()));
  }
  for (size_t i = 0; i < ports.size(); ++i) {
    if (spans[i].size() == ports[i].bytes) continue;
    if (may_be_empty && spans[i].empty()) continue;
    return absl::InvalidArgumentError(
        absl::StrFormat("%s \"%s\": %d bytes were given, it has %d", noun,
                        ports[i].name, spans[i].size(), ports[i].bytes));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status LocalEngine::Submit(std::unique_ptr<Job> job) {
  RETURN_IF_ERROR(CheckSpans("input", job->inputs, job->model->inputs(),
                             /*may_be_empty=*/false));
  RETURN_IF_ERROR(CheckSpans("output", job->outputs, job->model->outputs(),
                             /*may_be_empty=*/true));
  RETURN_IF_ERROR(job->model->unavailable());
  // Whoever measures gives way to all others: nothing is promised to him, he
  // takes nobody's turn, and is no work ahead of anybody.
  if (job->cancelled == give_way_) return scheduler_.Submit(std::move(job));
  give_way_->store(true);
  ASSIGN_OR_RETURN(const Instant next, Promise(job.get()));
  if (job->promised_response.count() == 0 && job->predicted.count() > 0) {
    RETURN_IF_ERROR(AdmitByForecast(*job, job->predicted));
  }
  const std::shared_ptr<Model> model = job->model;
  const absl::Status queued = scheduler_.Submit(std::move(job));
  if (!queued.ok()) TakeTurnBack(*model, next);
  return queued;
}

absl::Status LocalEngine::Admit(const Job& job) const {
  RETURN_IF_ERROR(job.model->unavailable());
  RETURN_IF_ERROR(scheduler_.HasRoom(job.level));
  const Promises::OfModel promise = PlannedOf(job.model.get());
  const bool is_promised =
      promise.response.count() > 0 && job.level == job.model->level();
  if (is_promised || promise.predicted.count() == 0) return absl::OkStatus();
  return AdmitByForecast(job, promise.predicted);
}

absl::Status LocalEngine::AdmitByForecast(const Job& job,
                                          nanoseconds predicted) const {
  const auto [ahead, own] = scheduler_.ForecastOf(job.level, predicted);
  return AdmitByPrediction(parts_.clock->now(), job.deadline, job.level, ahead,
                           own);
}

// Memory may change at any moment: all that is said of a job is of one plan.
absl::StatusOr<Instant> LocalEngine::Promise(Job* job) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const Model& model = *job->model;
  const Promises::OfModel promise = promises_->Of(&model);
  job->predicted = promise.predicted;
  if (job->level != model.level()) return Instant{};
  job->declared_deadline = model.urgency().declared_deadline();
  job->promised_compute = promise.compute;
  if (promise.response.count() == 0) return Instant{};
  DeclaredRate& rate = rates_[&model];
  const auto early = rate.Early(job->arrival);
  if (!rate.Admit(job->arrival, model.urgency().period)) {
    ++too_often_;
    return TooOften(model.name(), model.urgency().period, early);
  }
  job->promised_response = early + promise.response;
  return rate.next();
}

void LocalEngine::TakeTurnBack(const Model& model, Instant next) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto rate = rates_.find(&model);
  if (rate == rates_.end()) return;
  rate->second.TakeBack(next, model.urgency().period);
}

Promises::OfModel LocalEngine::PlannedOf(const Model* model) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return promises_->Of(model);
}

Promises::OfModel LocalEngine::PromiseOf(const Model* model) const {
  Promises::OfModel promise = PlannedOf(model);
  for (const std::shared_ptr<Model>& other : models()) {
    if (other->urgency().lowest() <= model->level()) continue;
    promise.block_compute =
        std::max(promise.block_compute, other->part_times().nearly_all());
  }
  return promise;
}

}  // namespace layerd
