#include "daemon/ctl/contestant.h"

#include <numeric>
#include <span>
#include <thread>
#include <utility>

#include "config/check.h"
#include "config/status_macros.h"
#include "daemon/plan/quantile.h"

namespace layerd {
namespace {

using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr char kModelName[] = "model";
constexpr int kQuietLooks = 4;
constexpr std::chrono::microseconds kBetweenLooks(250);

}  // namespace

std::vector<ArrayPort> PortsOf(const std::vector<Model::Port>& ports) {
  std::vector<ArrayPort> array_ports;
  for (const Model::Port& port : ports) {
    array_ports.push_back({port.name, port.dtype, port.shape});
  }
  return array_ports;
}

absl::StatusOr<Contestant> Contestant::Start(const EngineOptions& options,
                                             const std::string& layer_file) {
  Contestant contestant;
  ASSIGN_OR_RETURN(contestant.engine_, Engine::Start(options));
  RETURN_IF_ERROR(
      contestant.engine_->LoadModels({{layer_file, kModelName, "1"}}).front());
  contestant.model_ = contestant.engine_->Find(kModelName, "");
  for (const Model::Port& port : contestant.model_->outputs()) {
    contestant.outputs_.emplace_back(port.bytes, '\0');
  }
  const size_t parts = contestant.model_->program().parts.size();
  contestant.part_times_.resize(parts);
  contestant.part_seconds_.resize(parts);
  return contestant;
}

absl::Status Contestant::Ask(const std::vector<Array>& inputs, bool counts) {
  auto job = std::make_unique<Job>();
  job->model = model_;
  job->level = model_->level();
  job->part_times = part_times_;
  for (const Array& input : inputs) {
    job->inputs.push_back(std::as_bytes(std::span(input.bytes)));
  }
  for (std::string& output : outputs_) {
    output.assign(output.size(), '\0');  // Nothing is left of the last one.
    job->outputs.push_back(std::as_writable_bytes(std::span(output)));
  }
  JobStats stats;
  const auto begin = std::chrono::steady_clock::now();
  RETURN_IF_ERROR(engine_->Run(std::move(job), &stats));
  const Milliseconds latency = std::chrono::steady_clock::now() - begin;
  if (!counts) return absl::OkStatus();
  latencies_ms_.push_back(latency.count());
  waits_ms_.push_back(Milliseconds(stats.load_wait).count());
  computing_ms_.push_back(
      Milliseconds(std::accumulate(part_times_.begin(), part_times_.end(),
                                   std::chrono::nanoseconds(0)))
          .count());
  for (size_t part = 0; part < part_times_.size(); ++part) {
    part_seconds_[part].push_back(
        std::chrono::duration<double>(part_times_[part]).count());
  }
  return absl::OkStatus();
}

void Contestant::TakeOver(Contestant before) {
  LAYERD_CHECK(latencies_ms_.empty());
  LAYERD_CHECK(before.part_times_.size() == part_times_.size());
  latencies_ms_ = std::move(before.latencies_ms_);
  waits_ms_ = std::move(before.waits_ms_);
  computing_ms_ = std::move(before.computing_ms_);
  part_seconds_ = std::move(before.part_seconds_);
}

void Contestant::AwaitReadAhead() {
  // Reading ahead begins a moment after the answer.
  for (int quiet = 0; quiet < kQuietLooks;) {
    std::this_thread::sleep_for(kBetweenLooks);
    quiet = engine_->reading() ? 0 : quiet + 1;
  }
}

std::vector<double> Contestant::PartSeconds() const {
  return TypicalParts(part_seconds_);
}

}  // namespace layerd
