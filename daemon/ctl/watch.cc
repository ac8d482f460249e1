// layerctl watch: who is served, how fast, and who is late, as it happens.
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/json_writer.h"
#include "daemon/ctl/model_list.h"
#include "daemon/ctl/output.h"
#include "daemon/ctl/watched_jobs.h"
#include "daemon/plan/quantile.h"

namespace layerd {
namespace {

constexpr uint64_t kSecondsMax = 3600, kRoundsMax = 1'000'000'000;

using Seen = WatchedJobs::Seen;
using SeenModels = WatchedJobs::SeenModels;

// Of whoever was answered; 0 if nobody was.
double QuantileMs(const Seen& seen, double share) {
  return seen.latencies_ms.empty() ? 0 : Quantile(seen.latencies_ms, share);
}

std::string TextOf(const admin::StatusResponse& status, SeenModels seen) {
  std::vector<std::vector<std::string>> rows{
      {"model", "version", "level", "state", "answered", "p50 ms", "p99 ms",
       "late", "failed", "preempted"}};
  for (const admin::ModelStatus& model : status.models()) {
    const Seen& of = seen[{model.name(), model.version()}];
    rows.push_back({model.name(), model.version(), absl::StrCat(model.level()),
                    model.state(), absl::StrCat(of.latencies_ms.size()),
                    absl::StrFormat("%.2f", QuantileMs(of, 0.5)),
                    absl::StrFormat("%.2f", QuantileMs(of, 0.99)),
                    absl::StrCat(of.late), absl::StrCat(of.failed),
                    absl::StrCat(of.preemptions)});
  }
  return absl::StrCat(FormatTable(rows), "since the start: ",
                      FormatScheduling(status.scheduling()), "\n\n");
}

std::string JsonOf(const admin::StatusResponse& status, SeenModels seen) {
  JsonWriter json;
  json.BeginObject();
  json.BeginArray("models");
  for (const admin::ModelStatus& model : status.models()) {
    const Seen& of = seen[{model.name(), model.version()}];
    json.BeginObject();
    json.Add("name", model.name());
    json.Add("version", model.version());
    json.Add("level", model.level());
    json.Add("state", model.state());
    json.Add("answered", of.latencies_ms.size());
    json.Add("p50_ms", QuantileMs(of, 0.5));
    json.Add("p99_ms", QuantileMs(of, 0.99));
    json.Add("late", of.late);
    json.Add("failed", of.failed);
    json.Add("preempted", of.preemptions);
    json.EndObject();
  }
  json.EndArray();
  AddScheduling(status.scheduling(), &json);
  json.EndObject();
  return json.Finish();
}

absl::Status RunWatch(const CommandLine& line) {
  ASSIGN_OR_RETURN(const uint64_t seconds,
                   line.Number("--interval", 1, 1, kSecondsMax));
  ASSIGN_OR_RETURN(const uint64_t rounds,
                   line.Number("--count", kRoundsMax, 1, kRoundsMax));
  ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, ClientOf(line));
  WatchedJobs jobs;
  for (uint64_t round = 0; round < rounds; ++round) {
    if (round > 0) std::this_thread::sleep_for(std::chrono::seconds(seconds));
    ASSIGN_OR_RETURN(const admin::StatusResponse status, client->Status());
    ASSIGN_OR_RETURN(const admin::TraceResponse trace, client->Trace());
    SeenModels seen = jobs.LookAt(trace);
    RETURN_IF_ERROR(WriteAnswer(line.json() ? JsonOf(status, std::move(seen))
                                            : TextOf(status, std::move(seen))));
  }
  return absl::OkStatus();
}

}  // namespace

Command WatchCommand() {
  return {
      .name = "watch",
      .operands = "",
      .operand_count_min = 0,
      .operand_count_max = 0,
      .summary = "Shows latency and misses of each model, as they happen.",
      .options = {{.name = "--interval",
                   .value = "SECONDS",
                   .help = "between two tables; default 1"},
                  {.name = "--count",
                   .value = "N",
                   .help = "tables, then it ends; default without end"},
                  AddressOption()},
      .notes =
          "From the daemon's last 8192 events: at a high load a longer "
          "interval counts\nwhat still is among them. Late: the deadline "
          "passed; failed: all else, also\nwhat was refused on arrival. Runs "
          "by which an idle daemon measures what models\ncost count as well.",
      .run = RunWatch,
  };
}

}  // namespace layerd
