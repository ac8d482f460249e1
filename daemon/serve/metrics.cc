#include "daemon/serve/metrics.h"

#include <chrono>
#include <limits>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "config/limits.h"
#include "config/version.h"
#include "daemon/rt/process_usage.h"
#include "daemon/serve/prometheus_text.h"

namespace layerd {
namespace {

using Labels = PrometheusText::Labels;

constexpr auto kLastCode = absl::StatusCode::kUnauthenticated;

double Seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

uint64_t Microseconds(std::chrono::nanoseconds time) {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(time).count());
}

Labels Of(const std::string& model, const std::string& version) {
  return {{"model", model}, {"version", version}};
}

// Of a budget, which may be everything.
double Bytes(uint64_t bytes) {
  return bytes == kAll ? std::numeric_limits<double>::infinity()
                       : static_cast<double>(bytes);
}

void TellState(const std::vector<ModelStatus>& models, bool ready,
               PrometheusText* text) {
  text->Begin("layerd_build_info", "gauge",
              "Always 1; the version is a label.");
  text->Add({{"version", kVersion}}, uint64_t{1});
  text->Begin(
      "layerd_ready", "gauge",
      "1 while inferences are taken: models found at start are ready or "
      "have failed.");
  text->Add({}, uint64_t{ready});
  std::map<ModelState, uint64_t> states = {{ModelState::kLoading, 0},
                                           {ModelState::kReady, 0},
                                           {ModelState::kUnavailable, 0}};
  for (const ModelStatus& model : models) ++states[model.state];
  text->Begin("layerd_models", "gauge", "Models by state.");
  for (const auto& [state, count] : states) {
    text->Add({{"state", NameOf(state)}}, count);
  }
  text->Begin("layerd_model_ready", "gauge", "1 while the model can serve.");
  for (const ModelStatus& model : models) {
    Labels labels = Of(model.name, model.version);
    labels.emplace_back("priority", absl::StrCat(model.level));
    text->Add(labels, uint64_t{model.state == ModelState::kReady});
  }
  text->Begin("layerd_model_weight_bytes", "gauge",
              "Weights at f32, one copy: what would be resident.");
  for (const ModelStatus& model : models) {
    text->Add(Of(model.name, model.version), model.weight_bytes);
  }
}

void TellEnds(const std::vector<RequestCounts::Named>& models,
              PrometheusText* text) {
  text->Begin("layerd_requests_total", "counter",
              "Requests by how they ended; without a model those that named "
              "none there is.");
  for (const auto& [model, version, counts] : models) {
    for (int level = 0; level <= kLevelsMax; ++level) {
      for (int i = 0; i <= static_cast<int>(kLastCode); ++i) {
        const auto code = static_cast<absl::StatusCode>(i);
        const uint64_t count = counts->ended(level, code);
        if (count == 0) continue;
        Labels labels = Of(model, version);
        labels.emplace_back("priority", level == 0 ? "" : absl::StrCat(level));
        labels.emplace_back("code", absl::StatusCodeToString(code));
        text->Add(labels, count);
      }
    }
  }
}

struct TimesFamily {
  const char* name;
  const char* help;
  LatencyHistogram ModelCounts::*times;
};
constexpr TimesFamily kTimes[] = {
    {"layerd_request_duration_seconds",
     "Of requests that succeeded: arrival until answered.",
     &ModelCounts::total_times},
    {"layerd_request_queue_duration_seconds",
     "Of that, until the executor turned to it.", &ModelCounts::queue_times},
    {"layerd_request_compute_duration_seconds",
     "Of that, first part begun until last one done.",
     &ModelCounts::compute_times},
    {"layerd_request_load_wait_duration_seconds",
     "Of computing, waiting for weights from the drive.",
     &ModelCounts::load_times},
};

void TellTimes(const std::vector<RequestCounts::Named>& models,
               PrometheusText* text) {
  for (const TimesFamily& family : kTimes) {
    text->Begin(family.name, "histogram", family.help);
    for (const auto& [model, version, counts] : models) {
      text->Add(Of(model, version), counts->*family.times);
    }
  }
}

void TellPromises(const Engine& engine, PrometheusText* text) {
  const auto models = engine.models();
  text->Begin("layerd_layer_blocking_seconds_max", "gauge",
              "The longest that less urgent work may hold a model up at a "
              "time, as published.");
  std::vector<Promises::OfModel> promises;
  for (const auto& model : models) {
    const auto& promise = promises.emplace_back(engine.PromiseOf(model.get()));
    text->Add(Of(model->name(), model->version()),
              Seconds(promise.block_compute + promise.block_read));
  }
  text->Begin("layerd_promised_response_seconds", "gauge",
              "Of declared tasks: from arrival to answer; 0: nothing is "
              "promised.");
  for (size_t i = 0; i < models.size(); ++i) {
    text->Add(Of(models[i]->name(), models[i]->version()),
              Seconds(promises[i].response));
  }
}

void TellScheduling(const Scheduler::Stats& stats, PrometheusText* text) {
  text->Tell("layerd_preemptions_total", "counter",
             "A more urgent job took over between two parts.",
             stats.preemptions);
  text->Tell("layerd_deadline_misses_total", "counter",
             "Jobs dropped because their deadline had passed.",
             stats.deadline_misses);
  text->Tell("layerd_cancelled_total", "counter",
             "Jobs dropped because nobody waited any more.", stats.cancelled);
  text->Tell("layerd_overruns_total", "counter",
             "Jobs that computed longer than planned.", stats.overruns);
  text->Begin("layerd_promises_broken_total", "counter",
              "Answers of declared tasks later than promised, by the "
              "assumption that did not hold.");
  for (size_t i = 0; i < kAssumptions; ++i) {
    text->Add({{"assumption", kBreachNames[i]}}, stats.promises_broken[i]);
  }
  text->Tell("layerd_too_often_total", "counter",
             "Requests of declared tasks refused: before their period had "
             "passed.",
             stats.too_often);
  text->Tell("layerd_realtime_refused_total", "counter",
             "The kernel did not let the loader be a real-time thread again.",
             stats.realtime_refused);
}

void TellMemory(const Engine::MemoryStats& memory,
                const RequestMemory& requests, PrometheusText* text) {
  text->Begin("layerd_memory_bytes", "gauge", "Planned, by what it is for.");
  text->Add({{"use", "ring"}}, memory.ring_bytes);
  text->Add({{"use", "head"}}, memory.head_bytes);
  text->Add({{"use", "decode"}}, memory.decode_bytes);
  text->Add({{"use", "table"}}, memory.table_bytes);
  text->Add({{"use", "arena"}}, memory.arena_bytes);
  text->Begin("layerd_memory_budget_bytes", "gauge", "+Inf: all there is.");
  text->Add({{"of", "memory"}}, Bytes(memory.memory_budget_bytes));
  text->Add({{"of", "weights"}}, Bytes(memory.weight_budget_bytes));
  text->Begin("layerd_request_memory_bytes", "gauge",
              "Requests not yet answered, with their replies.");
  text->Add({{"kind", "used"}}, requests.taken_bytes());
  text->Add({{"kind", "capacity"}}, Bytes(requests.bytes_max()));
}

void TellLoading(const Engine& engine, PrometheusText* text) {
  const Loader::Stats stats = engine.loading();
  text->Tell("layerd_weight_read_bytes_total", "counter",
             "Read from the drive.", stats.read_bytes);
  text->Tell("layerd_reads_total", "counter", "Reads from the drive.",
             stats.reads);
  text->Begin("layerd_read_errors_total", "counter",
              "Reads that failed, also when tried again.");
  text->Add({{"reason", "io"}}, stats.read_errors);
  text->Add({{"reason", "checksum"}}, stats.checksum_errors);
  text->Tell("layerd_loader_cpu_seconds_total", "counter",
             "Of the loader's thread.", Seconds(engine.loader_cpu_time()));
}

struct TritonFamily {
  const char* name;
  const char* help;
  ModelCounts::Duration ModelCounts::*times;
};
constexpr TritonFamily kTritonTimes[] = {
    {"nv_inference_request_duration_us",
     "Arrival until answered, all added up.", &ModelCounts::success},
    {"nv_inference_queue_duration_us", "Waiting for a turn, all added up.",
     &ModelCounts::queue},
    {"nv_inference_compute_input_duration_us", "Taking inputs, all added up.",
     &ModelCounts::input},
    {"nv_inference_compute_infer_duration_us", "Computing, all added up.",
     &ModelCounts::infer},
    {"nv_inference_compute_output_duration_us", "Replying, all added up.",
     &ModelCounts::output},
};

void TellAsTriton(const std::vector<RequestCounts::Named>& models,
                  PrometheusText* text) {
  const auto tell = [&](const char* name, const char* help, auto value_of) {
    text->Begin(name, "counter", help);
    for (const auto& [model, version, counts] : models) {
      text->Add(Of(model, version), value_of(*counts));
    }
  };
  const auto succeeded = [](const ModelCounts& of) {
    return of.success.count();
  };
  tell("nv_inference_request_success", "Inferences that succeeded.", succeeded);
  tell("nv_inference_request_failure", "Inferences that failed.",
       [](const ModelCounts& of) { return of.fail.count(); });
  tell("nv_inference_count", "Inferences done.", succeeded);
  tell("nv_inference_exec_count", "Executions of a model.", succeeded);
  for (const TritonFamily& family : kTritonTimes) {
    tell(family.name, family.help, [&family](const ModelCounts& of) {
      return Microseconds((of.*family.times).sum());
    });
  }
}

void TellProcess(PrometheusText* text) {
  const ProcessUsage usage = UsageOfThisProcess();
  text->Tell("process_cpu_seconds_total", "counter", "User and system.",
             usage.cpu_seconds);
  text->Tell("process_resident_memory_bytes", "gauge",
             "Resident, huge pages included.", usage.resident_bytes);
  text->Tell("process_open_fds", "gauge", "Open file descriptors.",
             usage.open_fds);
  text->Tell("process_start_time_seconds", "gauge", "Since the epoch.",
             usage.start_seconds);
}

}  // namespace

std::string MetricsText(const MetricsSources& sources, bool ready) {
  PrometheusText text;
  const std::vector<RequestCounts::Named> models = sources.counts->all();
  TellState(sources.repository->Index(), ready, &text);
  TellEnds(models, &text);
  TellTimes(models, &text);
  TellPromises(*sources.engine, &text);
  TellScheduling(sources.engine->scheduling(), &text);
  TellMemory(sources.engine->memory(), *sources.request_memory, &text);
  TellLoading(*sources.engine, &text);
  TellAsTriton(models, &text);
  TellProcess(&text);
  return text.text();
}

}  // namespace layerd
