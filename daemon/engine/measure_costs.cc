// The part of LocalEngine that finds out what models cost.
#include <algorithm>
#include <chrono>
#include <map>
#include <thread>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/engine/drive_probe.h"
#include "daemon/engine/known_costs.h"
#include "daemon/engine/local_engine.h"
#include "daemon/plan/quantile.h"
#include "daemon/rt/log.h"

namespace layerd {
namespace {

// Medians of so many runs: one that was disturbed does not count.
constexpr int kRuns = 5;
// After a request came in between; it grows while they keep coming.
constexpr std::chrono::milliseconds kPauseMin(20), kPauseMax(2000);
constexpr std::chrono::milliseconds kNap(20);

// False if it was told to end meanwhile.
bool Sleep(std::chrono::milliseconds time, const std::function<bool()>& go_on) {
  for (; time.count() > 0 && go_on(); time -= kNap) {
    std::this_thread::sleep_for(std::min(time, kNap));
  }
  return go_on();
}

struct Tensors {
  std::vector<std::vector<std::byte>> inputs, outputs;
};

// A request came in between, or many wait.
bool IsForNow(const absl::Status& status) {
  return absl::IsCancelled(status) || absl::IsUnavailable(status) ||
         absl::IsResourceExhausted(status);
}

// Of zeros: what a dense operator costs does not depend on its input.
Tensors TensorsFor(const Model& model) {
  Tensors tensors;
  for (const Model::Port& port : model.inputs()) {
    tensors.inputs.emplace_back(port.bytes);
  }
  for (const Model::Port& port : model.outputs()) {
    tensors.outputs.emplace_back(port.bytes);
  }
  return tensors;
}

}  // namespace

void LocalEngine::MeasureCosts(const std::function<bool()>& go_on) {
  if (options_.cache_path.empty()) return;
  std::chrono::milliseconds pause = kPauseMin;
  bool learned = false;
  while (const std::shared_ptr<Model> model = NextDue()) {
    const absl::Status status = Measure(model, go_on);
    learned |= status.ok();
    LogDebug(absl::StrFormat(
        "model %s/%s: measuring its costs: %s", model->name(), model->version(),
        status.ok() ? "done" : std::string(status.message())));
    if (status.ok()) {
      pause = kPauseMin;
      continue;
    }
    if (!IsForNow(status)) {
      LogWarning(absl::StrFormat("model %s/%s: its costs are not measured: %s",
                                 model->name(), model->version(),
                                 std::string(status.message())));
      GiveUpMeasuring(*model);
      continue;
    }
    if (!Sleep(pause, go_on)) break;
    pause = std::min(2 * pause, kPauseMax);
  }
  if (!learned || !go_on()) return;
  const std::lock_guard<std::mutex> change(change_);
  // What serves goes on to: of a promise that cannot be kept there is a
  // warning.
  const absl::Status planned = Adopt(models(), budgets_, /*strict=*/false);
  if (planned.ok()) {
    LogInfo("memory is planned anew, by measured costs");
  } else {
    LogWarning(std::string(planned.message()));
  }
}

std::shared_ptr<Model> LocalEngine::NextDue() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const std::shared_ptr<Model>& model : models_) {
    if (known_.at(model.get())->is_due && model->failure().ok()) return model;
  }
  return nullptr;
}

absl::Status LocalEngine::MeasureAgain(const std::string& name) {
  if (options_.cache_path.empty()) {
    return absl::FailedPreconditionError(
        "there is no cache folder to keep in what is measured");
  }
  const std::lock_guard<std::mutex> change(change_);
  const std::lock_guard<std::mutex> lock(mutex_);
  bool found = false;
  for (const std::shared_ptr<Model>& model : models_) {
    if (!name.empty() && model->name() != name) continue;
    found = true;
    SetDue(*model, true);
  }
  if (found) return absl::OkStatus();
  if (name.empty()) return absl::NotFoundError("no model is loaded");
  return absl::NotFoundError(
      absl::StrFormat("no model '%s' is loaded", absl::CHexEscape(name)));
}

void LocalEngine::GiveUpMeasuring(const Model& model) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (known_.contains(&model)) SetDue(model, false);  // Else it was unloaded.
}

void LocalEngine::SetDue(const Model& model, bool is_due) {
  std::shared_ptr<const Known>& known = known_.at(&model);
  Known changed = *known;
  changed.is_due = is_due;
  known = std::make_shared<const Known>(std::move(changed));
}

// CANCELLED if a request came in between.
absl::Status LocalEngine::Measure(const std::shared_ptr<Model>& model,
                                  const std::function<bool()>& go_on) {
  Tensors tensors = TensorsFor(*model);
  const size_t parts = model->program().parts.size();
  std::vector<std::vector<double>> seconds(parts);
  std::vector<std::chrono::nanoseconds> times(parts);
  for (int run = 0; run < kRuns; ++run) {
    give_way_->store(false);  // Before asking: an interruption is not lost.
    if (!go_on()) return absl::CancelledError("the engine ends");
    auto job = std::make_unique<Job>();
    job->model = model;
    job->level = model->level();
    job->inputs.assign(tensors.inputs.begin(), tensors.inputs.end());
    job->outputs.assign(tensors.outputs.begin(), tensors.outputs.end());
    job->part_times = times;
    job->low = true;  // What it leaves on its way is in no promise.
    job->cancelled = give_way_;
    RETURN_IF_ERROR(Run(std::move(job), nullptr));
    for (size_t part = 0; part < parts; ++part) {
      seconds[part].push_back(
          std::chrono::duration<double>(times[part]).count());
    }
  }
  // Nothing caps what a look reads: not beside a job, be it one that came
  // before.
  const auto undisturbed = [&] {
    return !give_way_->load() && scheduler_.all_answered() && go_on();
  };
  if (!undisturbed()) return absl::UnavailableError("others have jobs");
  const auto drive =
      GlanceAtDrive(model->file().path(), options_.threads, undisturbed);
  if (absl::IsUnavailable(drive.status())) return drive.status();

  const auto before = ProfileOf(*model).Read(parts);
  const DriveSpeed known_speed = before ? before->drive : DriveSpeed{};
  RETURN_IF_ERROR(ProfileOf(*model).Write(
      {.part_seconds = TypicalParts(seconds),
       .drive = drive.ok() ? drive->speed : known_speed}));
  std::shared_ptr<const Known> known = KnownOf(*model);
  if (!known->measured) {
    return absl::InternalError("the profile that was written is not there");
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  if (known_.contains(model.get())) known_[model.get()] = std::move(known);
  return absl::OkStatus();
}

}  // namespace layerd
