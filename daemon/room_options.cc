#include "daemon/room_options.h"

#include <algorithm>
#include <vector>

#include "daemon/layerctl_path.h"
#include "daemon/rt/cache_folder.h"
#include "daemon/rt/compute_cpus.h"
#include "daemon/rt/environment.h"

namespace layerd {
namespace {

constexpr char kDefaultAddress[] = "127.0.0.1:8001";
constexpr char kDefaultMetricsAddress[] = "127.0.0.1:8002";

std::vector<Listener> ListenersOf(const Config& config) {
  std::vector<Listener> listeners;
  for (const std::string& address : config.listen) {
    listeners.push_back({address, true});
  }
  if (!listeners.empty()) return listeners;
  listeners.push_back({kDefaultAddress, false});
  for (const char* name : {"RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"}) {
    if (const std::string folder = FirstFolderOf(name); !folder.empty()) {
      listeners.push_back({"unix:" + folder + "/layerd.sock", false});
      break;
    }
  }
  return listeners;
}

// With real time, one CPU is left for the loader and for gRPC.
int ThreadsOf(const Config& config) {
  if (config.threads != 0) return static_cast<int>(config.threads);
  const int cpus = CpusWeMayUse();
  return config.realtime == "off" ? cpus : std::max(1, cpus - 1);
}

}  // namespace

std::string RepositoryPathOf(const Config& config) {
  if (!config.repository.empty()) return config.repository;
  const std::string folder = FirstFolderOf("STATE_DIRECTORY");
  return folder.empty() ? "" : folder + "/models";
}

EngineOptions EngineOptionsOf(const Config& config) {
  EngineOptions options;
  options.weight_budget_bytes = config.weight_budget_bytes;
  options.memory_budget_bytes = config.memory_budget_bytes;
  options.threads = ThreadsOf(config);
  options.backend = config.backend;
  options.cuda_memory = config.cuda_memory;
  options.io_engine = config.io_engine;
  options.queue_jobs_max = config.queue_jobs_max;
  options.level_order =
      config.level_order == "edf" ? LevelOrder::kEdf : LevelOrder::kFifo;
  options.strict_admission = config.admission == "strict";
  if (config.realtime != "off") {
    options.realtime = config.realtime == "required" ? Realtime::kRequired
                                                     : Realtime::kBestEffort;
  }
  options.cache_path = CacheFolder(config.cache_path);
  options.read_ahead = config.read_ahead;
  options.measure_costs = config.measure_costs;
  options.keep_part_times = true;
  return options;
}

RepositoryOptions RepositoryOptionsOf(const Config& config,
                                      const Engine& engine) {
  RepositoryOptions options;
  options.path = RepositoryPathOf(config);
  options.cache_path = CacheFolder(config.cache_path);
  options.cache_bytes_max = config.cache_bytes_max;
  options.layerctl_path = LayerctlPath();
  if (engine.kernel_key().backend == "cuda") options.kernels = "cuda";
  return options;
}

ServerOptions ServerOptionsOf(const Config& config) {
  ServerOptions options;
  options.listeners = ListenersOf(config);
  options.max_message_bytes = config.max_message_bytes;
  options.request_bytes_max = config.request_bytes_max;
  options.reflection = config.reflection;
  if (config.metrics.empty()) {
    options.metrics = {kDefaultMetricsAddress, false};
  } else if (config.metrics != "off") {
    options.metrics = {config.metrics, true};
  }
  return options;
}

}  // namespace layerd
