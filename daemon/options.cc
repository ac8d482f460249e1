#include "daemon/options.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "config/nearest_word.h"
#include "config/status_macros.h"

namespace layerd {
namespace {

// A flag and the place of its value in the configuration, as YAML.
struct Flag {
  const char* name;
  const char* section;  // Null at the top.
  const char* key;
};
constexpr char kConfigFlag[] = "--config";
constexpr char kListenFlag[] = "--listen";
constexpr Flag kFlags[] = {
    {"--repository", nullptr, "repository"},
    {"--cache", "cache", "path"},
    {"--cache-max-bytes", "cache", "max_bytes"},
    {"--memory-budget", "memory", "budget"},
    {"--weight-budget", "memory", "weights"},
    {"--request-memory", "memory", "requests"},
    {"--threads", nullptr, "threads"},
    {"--backend", nullptr, "backend"},
    {"--cuda-memory", nullptr, "cuda_memory"},
    {"--io-engine", nullptr, "io_engine"},
    {"--max-message-bytes", nullptr, "max_message_bytes"},
    {"--queue-jobs", nullptr, "queue_jobs"},
    {"--level-order", nullptr, "level_order"},
    {"--admission", nullptr, "admission"},
    {"--realtime", nullptr, "realtime"},
    {"--drain-timeout-ms", nullptr, "drain_timeout_ms"},
    {"--reflection", nullptr, "reflection"},
    {"--metrics", nullptr, "metrics"},
    {"--read-ahead", nullptr, "read_ahead"},
    {"--measure-costs", nullptr, "measure_costs"},
    {"--log-level", nullptr, "log_level"},
};

constexpr char kHelp[] =
    R"(layerd serves many neural networks over gRPC (KServe v2) while almost none of
their weights are in memory.

  layerd --repository DIR [--listen ADDRESS]... [--memory-budget 64MiB]
  layerd --config FILE [any flag below, which then wins]

  --config FILE           YAML; config/layerd.yaml has every key
  --check-config          read the configuration, say what is wrong, exit
  --repository DIR        <model>/<version>/model.onnx or model.layers
  --listen ADDRESS        HOST:PORT (port 0: any) or unix:PATH; repeats;
                          default 127.0.0.1:8001 and a Unix socket
  --metrics ADDRESS       HOST:PORT for Prometheus (/metrics) and a live page (/)
                          over HTTP; default 127.0.0.1:8002; off: nowhere
  --memory-budget SIZE    weights, activations and scratch of all models
  --weight-budget SIZE    weights alone: rings and resident heads
  --request-memory SIZE   requests that wait, with their replies
  --threads N             of compute; default one for each CPU we may use, but
                          for one if --realtime is on
  --backend NAME          auto, cpu, cuda, reference
  --cuda-memory NAME      probe, staged, mapped, managed: how weights come to a GPU
  --io-engine NAME        auto, io_uring, pread
  --cache DIR             where packed models go
  --cache-max-bytes SIZE  of them; those used longest ago go first; default all
  --admission strict|advisory   of declared tasks that may be late
  --realtime off|best_effort|required   priority, locked stacks, a CPU for gRPC
  --max-message-bytes SIZE, --queue-jobs N, --level-order fifo|edf,
  --drain-timeout-ms N, --reflection true|false, --read-ahead true|false,
  --measure-costs true|false, --log-level debug|info|warning|error
  --version, --help

Sizes: bytes, KiB, MiB, GiB or all. Exit status: 0 after SIGTERM, SIGINT or
SIGHUP (files are looked at again by layerctl load), 1 failed, 2 usage or
configuration, 3 the asked-for device is missing.
)";

const Flag* Find(const std::string& name) {
  for (const Flag& flag : kFlags) {
    if (name == flag.name) return &flag;
  }
  return nullptr;
}

std::string Quoted(const std::string& value) {
  return absl::StrCat("'", absl::StrReplaceAll(value, {{"'", "''"}}), "'");
}

// Through the parser of the file, so that a flag obeys the same rules. What it
// says of line and column is no help here: "--threads: 'many' is not ...".
absl::Status Overlay(const std::string& yaml, const Flag& flag,
                     Config* config) {
  const absl::Status status = config->Overlay(yaml, flag.name);
  if (status.ok()) return status;
  const std::string message(status.message());
  const size_t words = message.find(absl::StrCat(flag.key, ": "));
  if (words == std::string::npos) return status;
  return absl::Status(
      status.code(),
      absl::StrCat(flag.name, message.substr(words + std::strlen(flag.key))));
}

absl::Status Apply(const Flag& flag, const std::string& value, Config* config) {
  const std::string line = absl::StrCat(flag.key, ": ", Quoted(value));
  return Overlay(flag.section == nullptr
                     ? line
                     : absl::StrCat(flag.section, ": {", line, "}"),
                 flag, config);
}

absl::Status ApplyListen(const std::vector<std::string>& addresses,
                         Config* config) {
  constexpr Flag kListen = {kListenFlag, nullptr, "listen"};
  std::string yaml = "listen: [";
  for (const std::string& address : addresses) {
    absl::StrAppend(&yaml, Quoted(address), ", ");
  }
  return Overlay(yaml + "]", kListen, config);
}

std::vector<std::string> KnownOptions() {
  std::vector<std::string> known{kConfigFlag, kListenFlag, "--check-config",
                                 "--version", "--help"};
  for (const Flag& flag : kFlags) known.push_back(flag.name);
  return known;
}

absl::Status UnknownOption(const std::string& word) {
  if (!word.starts_with("-")) {
    return absl::InvalidArgumentError(absl::StrCat(
        word,
        " is no option; a folder of models is --repository DIR; --help "
        "lists all"));
  }
  const std::string nearest = NearestWord(word, KnownOptions());
  return absl::InvalidArgumentError(absl::StrCat(
      "unknown option ", word,
      nearest.empty() ? "; --help lists them"
                      : absl::StrCat("; did you mean ", nearest, "?")));
}

// "--name value" and "--name=value" alike.
std::vector<std::string> Split(const std::vector<std::string>& arguments) {
  std::vector<std::string> words;
  for (const std::string& argument : arguments) {
    const size_t equals = argument.find('=');
    if (argument.starts_with("--") && equals != std::string::npos) {
      words.push_back(argument.substr(0, equals));
      words.push_back(argument.substr(equals + 1));
    } else {
      words.push_back(argument);
    }
  }
  return words;
}

struct Given {
  std::string config_path;
  std::vector<std::string> listen;
  std::vector<std::pair<const Flag*, std::string>> flags;
};

absl::Status Sort(const std::vector<std::string>& words, Given* given,
                  Options* options) {
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--help" || word == "-h") {
      options->help = true;
      continue;
    }
    if (word == "--version" || word == "--check-config") {
      (word == "--version" ? options->version : options->check_config) = true;
      continue;
    }
    const Flag* flag = Find(word);
    if (flag == nullptr && word != kConfigFlag && word != kListenFlag) {
      return UnknownOption(word);
    }
    const std::vector<std::string> known = KnownOptions();
    if (++i == words.size() || std::ranges::count(known, words[i]) > 0) {
      return absl::InvalidArgumentError(absl::StrCat(word, " needs a value"));
    }
    if (flag != nullptr) given->flags.emplace_back(flag, words[i]);
    if (word == kConfigFlag) given->config_path = words[i];
    if (word == kListenFlag) given->listen.push_back(words[i]);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Options> ParseOptions(
    const std::vector<std::string>& arguments) {
  Options options;
  Given given;
  RETURN_IF_ERROR(Sort(Split(arguments), &given, &options));
  if (!given.config_path.empty()) {
    ASSIGN_OR_RETURN(options.config, Config::Read(given.config_path));
  }
  for (const auto& [flag, value] : given.flags) {
    RETURN_IF_ERROR(Apply(*flag, value, &options.config));
  }
  if (!given.listen.empty()) {
    RETURN_IF_ERROR(ApplyListen(given.listen, &options.config));
  }
  return options;
}

const char* OptionsHelp() { return kHelp; }

}  // namespace layerd
