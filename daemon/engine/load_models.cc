// The part of LocalEngine that loads models.
#include <algorithm>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/engine/local_engine.h"

namespace layerd {
namespace {

using Models = std::vector<std::shared_ptr<Model>>;

absl::Status CheckSource(const Engine::ModelSource& source) {
  uint64_t number = 0;
  if (!absl::SimpleAtoi(source.version, &number)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("model %s: version \"%s\" is not a decimal number",
                        source.name, source.version));
  }
  if (source.level < 1 || source.level > kLevels) {
    return absl::InvalidArgumentError(
        absl::StrFormat("model %s/%s: level %d is not one of 1 to %d",
                        source.name, source.version, source.level, kLevels));
  }
  if (source.lower_to > kLevels) {
    return absl::InvalidArgumentError(
        absl::StrFormat("model %s/%s: lower_to %d is not one of 1 to %d",
                        source.name, source.version, source.lower_to, kLevels));
  }
  return absl::OkStatus();
}

// With `model` in the place of the one of its name and version, or at the end.
Models With(Models models, std::shared_ptr<Model> model) {
  for (std::shared_ptr<Model>& old : models) {
    if (old->name() != model->name() || old->version() != model->version()) {
      continue;
    }
    old = std::move(model);
    return models;
  }
  models.push_back(std::move(model));
  return models;
}

}  // namespace

std::vector<absl::Status> LocalEngine::LoadModels(
    const std::vector<ModelSource>& sources) {
  const std::lock_guard<std::mutex> change(change_);
  std::vector<absl::Status> statuses;
  std::vector<Fresh> fresh = LoadThoseThatFit(sources, &statuses);
  if (fresh.empty()) return statuses;
  const absl::Status together = AdoptWith(fresh);
  if (together.ok()) return statuses;
  if (fresh.size() == 1) {
    statuses[fresh.front().source] = together;
    return statuses;
  }
  // One that nothing can be promised to must not take the others along.
  std::ranges::stable_sort(fresh, {}, [](const Fresh& one) {
    const ModelUrgency& urgency = one.model->urgency();
    return std::pair(urgency.period.count() > 0, urgency.level);
  });
  for (const Fresh& one : fresh) statuses[one.source] = AdoptWith({&one, 1});
  return statuses;
}

std::vector<LocalEngine::Fresh> LocalEngine::LoadThoseThatFit(
    const std::vector<ModelSource>& sources,
    std::vector<absl::Status>* statuses) {
  std::vector<Fresh> fresh;
  Models wanted = models();
  for (const ModelSource& source : sources) {
    auto model = LoadBeside(wanted, source);
    statuses->push_back(model.status());
    if (!model.ok()) continue;
    const auto known = KnownOf(**model);
    RestorePartTimes(known->seen, model->get());
    fresh.push_back({statuses->size() - 1, *model, known});
    wanted = With(std::move(wanted), *model);
  }
  return fresh;
}

absl::StatusOr<std::shared_ptr<Model>> LocalEngine::LoadBeside(
    const Models& wanted, const ModelSource& source) {
  RETURN_IF_ERROR(CheckSource(source));
  ASSIGN_OR_RETURN(
      std::shared_ptr<Model> model,
      Model::Open(source.layer_file_path, source.name, source.version,
                  {.level = source.level,
                   .lower_to = source.lower_to,
                   .period = source.period,
                   .deadline = source.deadline},
                  budgets_.memory_bytes));
  const auto check = [&] {
    return MemoryPlanner(DemandsOf(With(wanted, model), {})).Check(budgets_);
  };
  // All that its kernels keep is known, not yet what they compute in: too much
  // without that is too much. Of a model whose kernels keep nothing that counts
  // it is known what would do only once it is prepared, so that is said then.
  if (model->prepared_bytes() > 0) RETURN_IF_ERROR(check());
  RETURN_IF_ERROR(model->Prepare(parts_.backend.get()));
  RETURN_IF_ERROR(check());
  return model;
}

absl::Status LocalEngine::AdoptWith(std::span<const Fresh> fresh) {
  Models wanted = models();
  bool strict = promises_->warnings().empty();  // Else there is one already.
  for (const Fresh& one : fresh) {
    wanted = With(std::move(wanted), one.model);
    strict |= one.model->urgency().period.count() > 0;
  }
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const Fresh& one : fresh) known_[one.model.get()] = one.known;
  }
  absl::Status status =
      Adopt(std::move(wanted), budgets_, strict && options_.strict_admission);
  if (status.ok()) return status;
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const Fresh& one : fresh) known_.erase(one.model.get());
  return status;
}

}  // namespace layerd
