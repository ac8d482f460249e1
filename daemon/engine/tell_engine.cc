// The part of LocalEngine that tells what it has and does.
#include <memory>
#include <mutex>
#include <utility>

#include "daemon/engine/local_engine.h"

namespace layerd {

Scheduler::Stats LocalEngine::scheduling() const {
  Scheduler::Stats stats = scheduler_.stats();
  stats.too_often = too_often_.load();
  stats.realtime_refused = loader_hurry_.refused();
  return stats;
}

Engine::MemoryStats LocalEngine::memory() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  MemoryStats stats{.weight_budget_bytes = budgets_.weight_bytes,
                    .memory_budget_bytes = budgets_.memory_bytes,
                    .ring_bytes = plan_.ring_bytes,
                    .head_bytes = plan_.head_bytes,
                    .decode_bytes = plan_.decode.bytes,
                    .table_bytes = plan_.table_bytes,
                    .arena_bytes = plan_.beside_weights_bytes(),
                    .weight_bytes = 0};
  for (const std::shared_ptr<Model>& model : models_) {
    stats.weight_bytes += model->weight_bytes();
  }
  return stats;
}

bool LocalEngine::reading() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return data_path_ && data_path_->reading();
}

std::chrono::nanoseconds LocalEngine::loader_cpu_time() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return data_path_ ? data_path_->loader_cpu_time()
                    : std::chrono::nanoseconds{0};
}

std::vector<std::string> LocalEngine::warnings() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return warnings_;
}

std::vector<Engine::TracedEvent> LocalEngine::Trace() {
  Models loaded;
  TracedNames names;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    loaded = models_;
    names = traced_names_;
  }
  std::vector<TracedEvent> events;
  for (const TraceEvent& event : scheduler_.trace()->Events()) {
    auto [model, version] = names.Of(event, loaded);
    events.push_back({event, std::move(model), std::move(version)});
  }
  return events;
}

void LocalEngine::NoteSent(const Sent& sent) {
  const bool refused = sent.number == 0;
  scheduler_.trace()->Add(
      {.kind = refused ? TraceKind::kRefused : TraceKind::kSent,
       .level = static_cast<uint8_t>(sent.level),
       .job = sent.number,
       .number =
           static_cast<uint32_t>(refused ? static_cast<uint64_t>(sent.refused)
                                         : sent.read_bytes >> 10),
       .begin = sent.arrival.time_since_epoch(),
       .duration = parts_.clock->now() - sent.arrival,
       .model = sent.model});
}

Loader::Stats LocalEngine::loading() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return data_path_ ? past_ + data_path_->loading() : past_;
}

// REQUIRES: mutex_ is held.
std::vector<std::string> LocalEngine::AllWarnings() const {
  std::vector<std::string> all;
  const auto add = [&all](const std::vector<std::string>& some) {
    all.insert(all.end(), some.begin(), some.end());
  };
  if (data_path_) add(data_path_->warnings());
  add(realtime_warnings_);
  add(promises_->warnings());
  return all;
}

}  // namespace layerd
