// layerd: builds the parts bottom-up, waits for the end, tears them down in
// reverse.

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "config/status_macros.h"
#include "config/version.h"
#include "daemon/engine/engine.h"
#include "daemon/engine/repository.h"
#include "daemon/notify.h"
#include "daemon/options.h"
#include "daemon/rt/cache_folder.h"
#include "daemon/rt/compute_cpus.h"
#include "daemon/rt/freed_memory.h"
#include "daemon/rt/log.h"
#include "daemon/rt/passive_wait.h"
#include "daemon/rt/realtime.h"
#include "daemon/serve/server.h"

namespace layerd {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr int kNoDevice = 3;
constexpr char kDefaultAddress[] = "127.0.0.1:8001";
constexpr char kDefaultMetricsAddress[] = "127.0.0.1:8002";
constexpr char kNoModelYet[] =
    " holds no model yet: put <model>/<version>/model.onnx there, then "
    "`layerctl load MODEL`";

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The folder that a service manager has made for us; the first of several.
std::string FolderOfService(const char* name) {
  const std::string folders = Environment(name);
  return folders.substr(0, folders.find(':'));
}

std::vector<Listener> ListenersOf(const Config& config) {
  std::vector<Listener> listeners;
  for (const std::string& address : config.listen) {
    listeners.push_back({address, true});
  }
  if (!listeners.empty()) return listeners;
  listeners.push_back({kDefaultAddress, false});
  for (const char* name : {"RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"}) {
    if (const std::string folder = FolderOfService(name); !folder.empty()) {
      listeners.push_back({"unix:" + folder + "/layerd.sock", false});
      break;
    }
  }
  return listeners;
}

// Of a service that names none: the configuration wins.
std::string DefaultRepository() {
  const std::string folder = FolderOfService("STATE_DIRECTORY");
  return folder.empty() ? "" : folder + "/models";
}

// `layerctl` packs: beside layerd, in ctl/ beside it, then in PATH.
std::string LayerctlPath() {
  std::error_code error;
  const std::filesystem::path self =
      std::filesystem::read_symlink("/proc/self/exe", error);
  std::vector<std::string> candidates{self.parent_path() / "layerctl",
                                      self.parent_path() / "ctl/layerctl"};
  std::string folders = Environment("PATH");
  while (!folders.empty()) {
    const size_t colon = folders.find(':');
    candidates.push_back(folders.substr(0, colon) + "/layerctl");
    folders = colon == std::string::npos ? "" : folders.substr(colon + 1);
  }
  for (const std::string& candidate : candidates) {
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return "layerctl";
}

EngineOptions EngineOptionsOf(const Config& config) {
  EngineOptions options;
  options.weight_budget_bytes = config.weight_budget_bytes;
  options.memory_budget_bytes = config.memory_budget_bytes;
  options.threads =
      config.threads == 0 ? CpusWeMayUse() : static_cast<int>(config.threads);
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
    // One CPU is left for the loader and for gRPC.
    if (config.threads == 0) options.threads = std::max(1, options.threads - 1);
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
  options.path = config.repository;
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

absl::Status NoRepository(const absl::Status& why) {
  return absl::Status(
      why.code(),
      absl::StrCat(
          "the repository cannot be read: ", std::string(why.message()),
          "; --repository, or repository: of the configuration, names "
          "a folder of <model>/<version>/model.onnx"));
}

// Packing would say so model by model.
void WarnOfCacheFolder(const Config& config) {
  const std::string folder = CacheFolder(config.cache_path);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!error && access(folder.c_str(), W_OK | X_OK) == 0) return;
  const std::string why = error ? error.message() : std::strerror(errno);
  LogWarning(absl::StrCat(
      "cache folder ", folder, ": ", why,
      ": ONNX files cannot be packed, and nothing that is measured is kept "
      "(--cache, or cache: {path: ...} of the configuration, names another)"));
}

int Complain(const absl::Status& status, int exit_status) {
  std::fprintf(stderr, "layerd: %s\n", std::string(status.message()).c_str());
  return exit_status;
}

// Says when the models found at start are ready, while main waits for signals.
class ReadyTeller {
 public:
  ReadyTeller(const Repository* repository, Server* server)
      : thread_([repository, server] {
          if (!repository->WaitUntilReady()) return;
          server->MarkReady();
          std::printf("layerd ready on %s\n",
                      absl::StrJoin(server->addresses(), " ").c_str());
          std::fflush(stdout);
          Notify("READY=1\nSTATUS=serving");
        }) {}
  ~ReadyTeller() { thread_.join(); }

 private:
  std::thread thread_;
};

sigset_t EndingSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

int Serve(const Config& config) {
  // Blocked before the first thread starts, so that all inherit it.
  const sigset_t ending = EndingSignals();
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);
  signal(SIGPIPE, SIG_IGN);

  auto engine = Engine::Start(EngineOptionsOf(config));
  if (!engine.ok()) {
    return Complain(engine.status(),
                    absl::IsUnavailable(engine.status()) ? kNoDevice : kFailed);
  }
  // After the executor has its CPUs, and before all that serves begins.
  if (config.realtime != "off") {
    if (const std::string refused = LeaveCpusToExecutor(); !refused.empty()) {
      LogWarning(refused);
    }
  }
  if (const auto reason = (*engine)->why_not_cuda(); !reason.empty()) {
    LogInfo(absl::StrCat("computing on the CPU: ", reason));
  }
  for (const auto& warning : (*engine)->warnings()) LogWarning(warning);
  WarnOfCacheFolder(config);
  auto repository =
      Repository::Start(RepositoryOptionsOf(config, **engine), engine->get());
  if (!repository.ok()) {
    return Complain(NoRepository(repository.status()), kUsage);
  }
  if ((*repository)->Index().empty()) {
    LogWarning(absl::StrCat(config.repository, kNoModelYet));
  }
  auto server =
      Server::Start(ServerOptionsOf(config), engine->get(), repository->get());
  if (!server.ok()) return Complain(server.status(), kUsage);
  for (const auto& warning : (*server)->warnings()) LogWarning(warning);
  if (const std::string& url = (*server)->metrics_url(); !url.empty()) {
    LogInfo(
        absl::StrCat("a live page on ", url, ", metrics on ", url, "metrics"));
  }

  {
    const ReadyTeller teller(repository->get(), server->get());
    int signal_number = 0;
    sigwait(&ending, &signal_number);
    LogInfo(absl::StrCat("signal ", signal_number, ": draining"));
    Notify("STOPPING=1");
    (*server)->Refuse();
    (*repository)->Stop();
  }
  (*server)->Drain(std::chrono::steady_clock::now() +
                   std::chrono::milliseconds(config.drain_timeout_ms));
  return 0;
}

int Main(const std::vector<std::string>& arguments) {
  absl::StatusOr<Options> options = ParseOptions(arguments);
  if (!options.ok()) return Complain(options.status(), kUsage);
  if (options->help) return std::fputs(OptionsHelp(), stdout) < 0;
  if (options->version) return std::printf("layerd %s\n", kVersion) < 0;
  if (options->check_config) return std::printf("configuration is sound\n") < 0;
  std::string& repository = options->config.repository;
  if (repository.empty()) repository = DefaultRepository();
  if (repository.empty()) {
    return Complain(
        absl::InvalidArgumentError("no repository: give --repository DIR with "
                                   "<model>/<version>/model.onnx in it"),
        kUsage);
  }
  SetLogLevel(options->config.log_level);
  return Serve(options->config);
}

}  // namespace
}  // namespace layerd

int main(int argc, char** argv) {
  layerd::WaitPassively(argv);
  layerd::KeepFreedMemory();
  return layerd::Main({argv + 1, argv + argc});
}
