#include "config/config.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "config/read_text.h"
#include "config/status_macros.h"
#include "config/yaml_section.h"

namespace layerd {
namespace {

constexpr char kUnixPrefix[] = "unix:";
constexpr uint32_t kPortMax = 65535;

bool IsHostAndPort(const std::string& address) {
  const size_t colon = address.find_last_of(':');
  uint32_t port = 0;
  return colon != std::string::npos &&
         address.find('/') == std::string::npos &&  // http://HOST:PORT
         absl::SimpleAtoi(address.substr(colon + 1), &port) && port <= kPortMax;
}

bool IsAddress(const std::string& address) {
  return address.starts_with(kUnixPrefix)
             ? address.size() > sizeof(kUnixPrefix) - 1
             : IsHostAndPort(address);
}

absl::Status CheckAddresses(const Config& config, const YamlSection& root) {
  if (config.listen.size() > kListenersMax) {
    return root.ErrorAt("listen", "more addresses than 16");
  }
  for (const std::string& address : config.listen) {
    if (!IsAddress(address)) {
      return root.ErrorAt("listen",
                          absl::StrCat("'", address,
                                       "' is neither HOST:PORT, with a "
                                       "port up to 65535, nor unix:PATH"));
    }
    const bool is_any = address.ends_with(":0");  // Each another port.
    if (!is_any && std::ranges::count(config.listen, address) > 1) {
      return root.ErrorAt("listen",
                          absl::StrCat("'", address, "' is given twice"));
    }
  }
  const std::string& metrics = config.metrics;
  if (metrics.empty() || metrics == "off" || IsHostAndPort(metrics)) {
    return absl::OkStatus();
  }
  return root.ErrorAt("metrics", absl::StrCat("'", metrics,
                                              "' is neither HOST:PORT, with a "
                                              "port up to 65535, nor off"));
}

absl::Status ReadMemory(YamlSection memory, Config* config) {
  RETURN_IF_ERROR(
      memory.ReadBytes("budget", &config->memory_budget_bytes, 1, kAllBytes));
  RETURN_IF_ERROR(
      memory.ReadBytes("weights", &config->weight_budget_bytes, 1, kAllBytes));
  RETURN_IF_ERROR(memory.ReadBytes("requests", &config->request_bytes_max,
                                   kMessageBytesMin, kAllBytes));
  return memory.CheckNoOthers();
}

absl::Status ReadCache(YamlSection cache, Config* config) {
  RETURN_IF_ERROR(cache.Read("path", &config->cache_path));
  RETURN_IF_ERROR(
      cache.ReadBytes("max_bytes", &config->cache_bytes_max, 0, kAllBytes));
  return cache.CheckNoOthers();
}

absl::Status ReadRoot(YamlSection* root, Config* config) {
  RETURN_IF_ERROR(root->Read("repository", &config->repository));
  RETURN_IF_ERROR(root->Read("listen", &config->listen));
  RETURN_IF_ERROR(root->Read("threads", &config->threads, 0, kThreadsMax));
  RETURN_IF_ERROR(root->ReadOneOf("backend", &config->backend,
                                  {"auto", "cpu", "cuda", "reference"}));
  RETURN_IF_ERROR(root->ReadOneOf("cuda_memory", &config->cuda_memory,
                                  {"probe", "staged", "mapped", "managed"}));
  RETURN_IF_ERROR(root->ReadOneOf("io_engine", &config->io_engine,
                                  {"auto", "io_uring", "pread"}));
  RETURN_IF_ERROR(root->ReadBytes("max_message_bytes",
                                  &config->max_message_bytes, kMessageBytesMin,
                                  kMessageBytesMax));
  RETURN_IF_ERROR(
      root->Read("queue_jobs", &config->queue_jobs_max, 1, kQueueJobsMax));
  RETURN_IF_ERROR(
      root->ReadOneOf("level_order", &config->level_order, {"fifo", "edf"}));
  RETURN_IF_ERROR(
      root->ReadOneOf("admission", &config->admission, {"strict", "advisory"}));
  RETURN_IF_ERROR(root->ReadOneOf("realtime", &config->realtime,
                                  {"off", "best_effort", "required"}));
  RETURN_IF_ERROR(root->Read("drain_timeout_ms", &config->drain_timeout_ms, 0,
                             kDrainMsMax));
  RETURN_IF_ERROR(root->Read("reflection", &config->reflection));
  RETURN_IF_ERROR(root->Read("metrics", &config->metrics));
  RETURN_IF_ERROR(root->Read("read_ahead", &config->read_ahead));
  RETURN_IF_ERROR(root->Read("measure_costs", &config->measure_costs));
  RETURN_IF_ERROR(root->ReadOneOf("log_level", &config->log_level,
                                  {"debug", "info", "warning", "error"}));
  return CheckAddresses(*config, *root);
}

}  // namespace

absl::StatusOr<Config> Config::Parse(const std::string& yaml,
                                     const std::string& source) {
  Config config;
  RETURN_IF_ERROR(config.Overlay(yaml, source));
  return config;
}

absl::Status Config::Overlay(const std::string& yaml,
                             const std::string& source) {
  ASSIGN_OR_RETURN(YamlSection root, YamlSection::Parse(yaml, source));
  Config config = *this;
  RETURN_IF_ERROR(ReadRoot(&root, &config));
  ASSIGN_OR_RETURN(YamlSection memory, root.Section("memory"));
  RETURN_IF_ERROR(ReadMemory(std::move(memory), &config));
  ASSIGN_OR_RETURN(YamlSection cache, root.Section("cache"));
  RETURN_IF_ERROR(ReadCache(std::move(cache), &config));
  RETURN_IF_ERROR(root.CheckNoOthers());
  *this = std::move(config);
  return absl::OkStatus();
}

absl::StatusOr<Config> Config::Read(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path));
  return Parse(text, path);
}

}  // namespace layerd
