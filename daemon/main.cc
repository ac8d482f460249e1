// layerd: builds the parts bottom-up, waits for the end, tears them down in
// reverse.

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "config/version.h"
#include "daemon/end_watchdog.h"
#include "daemon/engine/engine.h"
#include "daemon/engine/repository.h"
#include "daemon/notify.h"
#include "daemon/options.h"
#include "daemon/room_options.h"
#include "daemon/rt/cache_folder.h"
#include "daemon/rt/freed_memory.h"
#include "daemon/rt/log.h"
#include "daemon/rt/passive_wait.h"
#include "daemon/rt/realtime.h"
#include "daemon/rt/standard_streams.h"
#include "daemon/serve/server.h"

namespace layerd {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr int kNoDevice = 3;
// For all that has to end beside the requests.
constexpr std::chrono::seconds kEndMax(20);
constexpr char kNoModelYet[] =
    " holds no model yet: put <model>/<version>/model.onnx there, then "
    "`layerctl load MODEL`";

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

// A terminal that closes sends it; nohup has us outlive that.
bool OutlivesTerminal() {
  struct sigaction hangup {};
  sigaction(SIGHUP, nullptr, &hangup);
  return hangup.sa_handler == SIG_IGN;
}

// Blocked before the first thread starts, so that all inherit it.
sigset_t BlockEndingSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  if (!OutlivesTerminal()) sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

// After the executor has its CPUs, and before all that serves begins.
void LeaveCpus(const Config& config) {
  if (config.realtime == "off") return;
  if (const std::string refused = LeaveCpusToExecutor(); !refused.empty()) {
    LogWarning(refused);
  }
}

void TellOf(const Engine& engine) {
  if (const auto reason = engine.why_not_cuda(); !reason.empty()) {
    LogInfo(absl::StrCat("computing on the CPU: ", reason));
  }
  for (const auto& warning : engine.warnings()) LogWarning(warning);
}

void TellOf(const Server& server) {
  for (const auto& warning : server.warnings()) LogWarning(warning);
  const std::string& url = server.metrics_url();
  if (url.empty()) return;
  LogInfo(
      absl::StrCat("a live page on ", url, ", metrics on ", url, "metrics"));
}

void WaitFor(const sigset_t& ending, std::chrono::milliseconds drain_timeout,
             Repository* repository, Server* server, EndWatchdog* watchdog) {
  const ReadyTeller teller(repository, server);
  int signal_number = 0;
  sigwait(&ending, &signal_number);
  LogInfo(absl::StrCat("signal ", signal_number, ": draining"));
  Notify("STOPPING=1");
  watchdog->Start(drain_timeout + kEndMax, kFailed);
  server->Refuse();
  repository->Stop();
}

int Serve(const Config& config) {
  const sigset_t ending = BlockEndingSignals();
  signal(SIGPIPE, SIG_IGN);
  signal(SIGCHLD, SIG_DFL);  // We want to know how packers end.

  EndWatchdog watchdog;  // Of all that is torn down before it.
  auto engine = Engine::Start(EngineOptionsOf(config));
  if (!engine.ok()) {
    return Complain(engine.status(),
                    absl::IsUnavailable(engine.status()) ? kNoDevice : kFailed);
  }
  LeaveCpus(config);
  TellOf(**engine);
  WarnOfCacheFolder(config);
  const RepositoryOptions options = RepositoryOptionsOf(config, **engine);
  auto repository = Repository::Start(options, engine->get());
  if (!repository.ok()) {
    return Complain(NoRepository(repository.status()), kUsage);
  }
  if ((*repository)->Index().empty()) {
    LogWarning(absl::StrCat(options.path, kNoModelYet));
  }
  auto server =
      Server::Start(ServerOptionsOf(config), engine->get(), repository->get());
  if (!server.ok()) return Complain(server.status(), kUsage);
  TellOf(**server);

  const std::chrono::milliseconds drain_timeout(config.drain_timeout_ms);
  WaitFor(ending, drain_timeout, repository->get(), server->get(), &watchdog);
  (*server)->Drain(std::chrono::steady_clock::now() + drain_timeout);
  return 0;
}

int Main(const std::vector<std::string>& arguments) {
  const absl::StatusOr<Options> options = ParseOptions(arguments);
  if (!options.ok()) return Complain(options.status(), kUsage);
  if (options->help) return std::fputs(OptionsHelp(), stdout) < 0;
  if (options->version) return std::printf("layerd %s\n", kVersion) < 0;
  if (options->check_config) return std::printf("configuration is sound\n") < 0;
  if (RepositoryPathOf(options->config).empty()) {
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
  layerd::KeepStandardStreams();
  layerd::WaitPassively(argv);
  layerd::KeepFreedMemory();
  return layerd::Main({argv + 1, argv + argc});
}
